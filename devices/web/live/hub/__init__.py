"""Once a process: broadcasts of commits come in, each socket is given what it watches.

Gaps in the commit numbers are closed from the database. Never writes to the database, and never imports ``socket``: it
knows sockets by two protocols (rooms.Receiver, sockets.Socket) only.

    broadcasts ──> fanout ──> rooms' feeds ──> receivers        commit_gaps says what was lost
    survey_loop, fanout ──> repair_queue ──> repair ──> rooms' feeds
"""
