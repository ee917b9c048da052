"""Pure translation and rules that both banks of the bridge share.

Does: topic grammar, payload codecs, typed messages and their form on the channel layer, channel and group names,
the shard of a device, the state machines of the reliable link.
Never: I/O, Django, asyncio, a clock, logging, settings. Imports the standard library and msgspec only.
Data passes through: bytes and a reception time in, frozen objects out.
"""
