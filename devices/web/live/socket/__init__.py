"""Once a WebSocket: frames of the client come in, frames of the server go out (docs/websocket.md).

Never holds what other sockets share: that is the hub's. The hub's batches come in by ``subscriptions``, answers of
queries by ``catch_up``, replies by ``requests``; all of them go out by ``frame_writer``.
"""
