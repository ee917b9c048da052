"""The web of the browser bank: pages, REST, WebSocket, health and metrics.

Reads the tables of devices.models; changes a device only by asking its shard worker (devices.requests.ask).
Never: MQTT, mqtt_gateway; writes of twins, readings or events. Data passes: HTTP requests and WebSocket frames in,
queries or stored requests out; commits of the groups ``dashboard.<shard>`` in, frames out.
"""
