"""The feature of sources: what their dialects remember of them, what they have to be asked, what they want heard.

A source's state is one more thing that a shard's owner loads, changes in the same transaction as twins, readings and
cursors, and throws away when the transaction fails: it has seen each message exactly as often as the devices have.
"""
