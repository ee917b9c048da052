"""The live stream for consumers of apps' own, as Channels' users know them: causeway.consumers.

A consumer's stream is fed by the hub as a WebSocket's is (``socket``), by the same subscriptions on the same credit;
its frames go to the consumer's handlers, not to a browser. Never: a second way from commits to frames.
"""
