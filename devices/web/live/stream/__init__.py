"""The stream rule, pure: from changes and rows to frames. No gap, no repeat, no reordering for a device.

Changes of commits and answers of queries come in (changes), frames go out (rendering, server_frames). Imports rules and
bridge only, never ``queries``, ``hub`` or ``socket``; no clock, no I/O.
"""
