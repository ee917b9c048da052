"""What the live stream reads from the database, on threads of its own: snapshots, replays, links, rights.

Rows come in, answers and changes of the stream go out. Never writes; never imports ``hub`` or ``socket``.
"""
