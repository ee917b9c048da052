"""Those that scenarios compare Causeway with."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from bench.installation import Candidate, Installation
from bench.peers.mqttasgi import Mqttasgi
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, PlainChannels

_REDIS: Final = "plain Channels, Redis layer"
_PUBSUB: Final = "plain Channels, pub/sub layer"
_MQTTASGI: Final = "mqttasgi 2.0"


def _redis(directory: Path) -> AbstractContextManager[Installation]:
    return PlainChannels(_REDIS, REDIS_LAYER).running(directory)


def _pubsub(directory: Path) -> AbstractContextManager[Installation]:
    return PlainChannels(_PUBSUB, PUBSUB_LAYER).running(directory)


def _mqttasgi(directory: Path) -> AbstractContextManager[Installation]:
    return Mqttasgi(_MQTTASGI).running(directory)


PLAIN_REDIS: Final = Candidate(_REDIS, _redis)
PLAIN_PUBSUB: Final = Candidate(_PUBSUB, _pubsub)
MQTTASGI: Final = Candidate(_MQTTASGI, _mqttasgi, full_only=True)
PLAIN: Final = (PLAIN_REDIS, PLAIN_PUBSUB)
"""The plain Channels way."""
BRIDGES: Final = (*PLAIN, MQTTASGI)
"""All that bring MQTT to browsers through Django, besides Causeway."""
