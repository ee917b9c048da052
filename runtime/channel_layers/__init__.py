"""The channel layers on Redis: messages between processes, at most once, in bounded boxes.

Reads ``CHANNEL_LAYERS`` options only; knows no message's meaning. Bytes and dicts come in by ``send`` and
``group_send``, and go out by ``receive``.
"""
