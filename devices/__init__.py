"""The browser bank: the rules of a device's twin, its storage, the shard workers, the outbox, the web.

Parts, imports only to the right:  web | ingest  →  models  →  rules  →  bridge.
Apart: client, for programs elsewhere; it imports nothing of all this, and nothing of this imports it.
Never: MQTT, mqtt_gateway. Data comes as Batch messages on ``devices.<shard>``, goes to the database in one
transaction a commit, then as Commit messages to the groups ``dashboard.<shard>`` and so to browsers.
"""
