"""Those that scenarios compare Causeway with."""

from functools import partial
from typing import Final

from bench.installations.installation import Candidate
from bench.peers.ceilings import aiomqtt_alone, alone, mosquitto_sub, mqtt_over_websocket
from bench.peers.mqttasgi import mqttasgi
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, plain_channels

_REDIS: Final = "plain Channels, Redis layer"
_PUBSUB: Final = "plain Channels, pub/sub layer"
_MQTTASGI: Final = "mqttasgi 2.0"
_SUB: Final = "mosquitto_sub alone"
_AIOMQTT: Final = "aiomqtt alone"

PLAIN_REDIS: Final = Candidate(_REDIS, partial(plain_channels, name=_REDIS, layer=REDIS_LAYER))
PLAIN_PUBSUB: Final = Candidate(_PUBSUB, partial(plain_channels, name=_PUBSUB, layer=PUBSUB_LAYER))
MQTTASGI: Final = Candidate(
    _MQTTASGI, partial(plain_channels, name=_MQTTASGI, layer=REDIS_LAYER, instead=mqttasgi), full_only=True
)
PLAIN: Final = (PLAIN_REDIS, PLAIN_PUBSUB)
"""The plain Channels way."""
BRIDGES: Final = (*PLAIN, MQTTASGI)
"""All that bring MQTT to browsers through Django, besides Causeway."""

MQTT_WEBSOCKET: Final = Candidate("MQTT over WebSocket", mqtt_over_websocket)
"""No bridge at all: a browser that speaks MQTT with Mosquitto."""
ALONE: Final = (
    Candidate(_SUB, partial(alone, name=_SUB, command=mosquitto_sub)),
    Candidate(_AIOMQTT, partial(alone, name=_AIOMQTT, command=aiomqtt_alone)),
)
"""Clients that only receive; they have no endpoint."""
