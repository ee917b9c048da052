"""The broker bank of the bridge: everything that speaks MQTT.

Does: a persistent MQTT session, uplink (receive → name → batch → send → PUBACK), downlink (channel →
publish), the demo's embedded broker, simulated devices; its own few tables (epochs, known filters, beat).
Never: imports devices or config; parses payloads; decides what a message means.
Data passes through: PUBLISH packets in, Batch messages out on ``devices.<shard>``; commands the other way.
"""
