"""Those that scenarios compare Causeway with."""

from functools import partial
from typing import Final

from bench.installations.installation import Candidate, causeway
from bench.measure.results import OURS
from bench.peers.ceilings import aiomqtt_alone, alone, mosquitto_sub, mqtt_over_websocket
from bench.peers.mqttasgi import mqttasgi
from bench.peers.plain_channels import PUBSUB_LAYER, REDIS_LAYER, plain_channels

PLAIN_REDIS: Final = Candidate("plain Channels, Redis layer", partial(plain_channels, layer=REDIS_LAYER))
PLAIN_PUBSUB: Final = Candidate("plain Channels, pub/sub layer", partial(plain_channels, layer=PUBSUB_LAYER))
PLAIN: Final = (PLAIN_REDIS, PLAIN_PUBSUB)
"""The plain Channels way."""
BRIDGES: Final = (
    *PLAIN,
    Candidate("mqttasgi 2.0", partial(plain_channels, layer=REDIS_LAYER, instead=mqttasgi), full_only=True),
)
"""All that bring MQTT to browsers through Django, besides Causeway."""

ON_SQLITE: Final = Candidate(f"{OURS} on SQLite", partial(causeway, database="sqlite"))
"""As a small installation may have it."""
MQTT_WEBSOCKET: Final = Candidate("MQTT over WebSocket", mqtt_over_websocket)
"""No bridge at all: a browser that speaks MQTT with Mosquitto."""
ALONE: Final = (
    Candidate("mosquitto_sub alone", partial(alone, command=mosquitto_sub)),
    Candidate("aiomqtt alone", partial(alone, command=aiomqtt_alone)),
)
"""Clients that only receive; they have no endpoint."""
