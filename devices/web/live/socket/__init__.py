"""Once a WebSocket: frames of the client come in, frames of the server go out (docs/websocket.md).

Never holds what other sockets share: that is the hub's.
"""
