"""Small dialects, one module each: OwnTracks' phones, rtl_433's radio sensors, Frigate's cameras.

Pure: topic names and payload bytes in, observations out. Imports bridge only.
"""
