"""The shard workers: batches in, one transaction, then acknowledgements, broadcasts and what goes down to devices.

::

    devices.<shard> ─> consumer ─> engine ─(database thread)─> rounds ─> transaction ─> database
                                     └─< results: LinkAck, Commit, Publish, RequestSettled

The only writer of twins, readings, events, command steps and revs. Everything about shards lives in the database thread
(round and below); the event loop holds only what waits (intake) and what is being sent.
Never: MQTT, HTTP, WebSockets. Imports models, registry, rules, bridge; devices.web never imports it.
"""
