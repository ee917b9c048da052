"""Live updates: commits of the groups ``dashboard.<shard>`` and rows of queries in, frames of docs/websocket.md out.

    stream      pure: from changes and answers to frames, without gap, repeat or reordering
    queries     reads what the stream asks of the database, on threads
    attendance  once a process: who attends which place, in all web processes together
    hub         once a process: hears each commit once, hands it to the sockets that watch
    socket      once a WebSocket: reads the client's frames, writes the server's
    event_streams   once a Server-Sent Events stream: the same frames as events, with ids to go on from
    consumers   the same for consumers of apps' own: frames go to their handlers

Imports only to the left: consumers, event_streams → socket → hub → queries, attendance → stream. Never: writes of
twins, readings or events; more than one channel on the layer a process; a task a message. docs/live.md is the long
form.
"""
