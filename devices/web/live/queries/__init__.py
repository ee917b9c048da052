"""What the live stream reads from the database, on threads of its own: snapshots, replays, links, rights.

Rows come in, parts of the stream go out. Never writes.
"""
