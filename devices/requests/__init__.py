"""What others may ask of a device, how it is stored, and how it reaches the device's worker.

Pages, REST, WebSocket, admin and commands all come here: a request or command is stored, then the worker that owns the
device's shard is nudged by the channel layer and carries it out. Never writes twins; imports models, rules, bridge,
runtime.
"""
