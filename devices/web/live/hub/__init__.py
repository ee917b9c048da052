"""Once a process: broadcasts of commits come in, each socket is given what it watches.

Gaps in the commit numbers are mended from the database. Never writes to the database; knows sockets only by a protocol.
"""
