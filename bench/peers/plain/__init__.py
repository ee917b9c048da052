"""From MQTT to browsers with Django Channels as its documentation teaches it; each message by itself, nothing stored.

``mqtt`` (aiomqtt) sends each message to the channel ``devices``; ``runworker devices`` takes it, and sends it to the
group ``dashboard``; a WebSocket consumer for each browser, behind Daphne, sends it on. A command goes the other way: an
async view sends it to the channel ``commands``; ``mqtt`` takes it from there and publishes it.

Settings that the documentation does not ask to change are left as they are: on the Redis layer a channel holds 100
messages, and what is beyond is lost (more would turn loss into delay, not into speed).
"""

DEVICES = "devices"  # channel: what devices say, to the worker
COMMANDS = "commands"  # channel: to be published
DASHBOARD = "dashboard"  # group: every WebSocket
