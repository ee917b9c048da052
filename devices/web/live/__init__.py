"""The WebSocket bank: commits of the groups ``dashboard.<shard>`` and queries in, frames of docs/websocket.md out.

Pure, no I/O and no clock     parts, targets, patches, merging, rendering, sequencer, feeds, subscription, answering,
                              credit, frames
Queries, on threads           database, replaying, authentication, links
Per process and event loop    hub, listening, mending, watching
Per socket                    connection, requests, catching_up

Never: writes of twins, readings or events; more than one channel on the layer a process; a task a message.
"""
