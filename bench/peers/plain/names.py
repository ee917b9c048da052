"""Names that the processes have in common."""

DEVICES = "devices"  # channel: what devices say, to the worker
PUBLISH = "mqtt-publish"  # channel: what is to be said to devices, to the MQTT loop
DASHBOARD = "dashboard"  # group: every WebSocket
