"""AsyncAPI: what goes over MQTT, the WebSocket and event streams, for programs: the document /api/v1/asyncapi.json.

It is made of what the protocols are typed by: the frames' classes, the native dialect's topics, the payloads' classes.
"""
