"""Causeway's own topics and JSON payloads, ``{root}/{site}/{device}/…`` (docs/mqtt.md).

Pure: topic names and payload bytes in, observations out. Imports bridge only.
"""
