"""Where items are read from: the log of readings, the history of readings, the record of changes.

Each module reads one of them, and knows nothing of the others; devices.handlers.log puts them together. Reads only.
"""
