"""Those that scenarios compare Causeway with."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from bench.installations.installation import Candidate, Installation
from bench.peers.ceilings import Alone, MqttOverWebSocket, aiomqtt_alone, mosquitto_sub
from bench.peers.mqttasgi import Mqttasgi
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, PlainChannels

_REDIS: Final = "plain Channels, Redis layer"
_PUBSUB: Final = "plain Channels, pub/sub layer"
_MQTTASGI: Final = "mqttasgi 2.0"
_SUB: Final = "mosquitto_sub alone"
_AIOMQTT: Final = "aiomqtt alone"
_WEBSOCKET: Final = "MQTT over WebSocket"


def _redis(directory: Path) -> AbstractContextManager[Installation]:
    return PlainChannels(_REDIS, REDIS_LAYER).running(directory)


def _pubsub(directory: Path) -> AbstractContextManager[Installation]:
    return PlainChannels(_PUBSUB, PUBSUB_LAYER).running(directory)


def _mqttasgi(directory: Path) -> AbstractContextManager[Installation]:
    return Mqttasgi(_MQTTASGI).running(directory)


def _sub(directory: Path) -> AbstractContextManager[Installation]:
    return Alone(_SUB, mosquitto_sub).running(directory)


def _aiomqtt(directory: Path) -> AbstractContextManager[Installation]:
    return Alone(_AIOMQTT, aiomqtt_alone).running(directory)


def _websocket(directory: Path) -> AbstractContextManager[Installation]:
    return MqttOverWebSocket(_WEBSOCKET).running(directory)


PLAIN_REDIS: Final = Candidate(_REDIS, _redis)
PLAIN_PUBSUB: Final = Candidate(_PUBSUB, _pubsub)
MQTTASGI: Final = Candidate(_MQTTASGI, _mqttasgi, full_only=True)
PLAIN: Final = (PLAIN_REDIS, PLAIN_PUBSUB)
"""The plain Channels way."""
BRIDGES: Final = (*PLAIN, MQTTASGI)
"""All that bring MQTT to browsers through Django, besides Causeway."""

MQTT_WEBSOCKET: Final = Candidate(_WEBSOCKET, _websocket)
"""No bridge at all: a browser that speaks MQTT with Mosquitto."""
ALONE: Final = (Candidate(_SUB, _sub), Candidate(_AIOMQTT, _aiomqtt))
"""Clients that only receive; they have no endpoint."""
