"""The stream rule, pure: from changes and rows to frames. No gap, no repeat, no reordering for a device.

Changes and snapshots come in, encoded items go out. Imports rules and bridge only; no clock, no I/O.
"""
