"""``application`` for mqttasgi: its consumer in the place of the MQTT loop and of the worker."""

import json
import logging
import os
from typing import Any

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.plain.settings")
django.setup()

from mqttasgi.consumers import MqttConsumer  # noqa: E402  Django must be set up first

from bench.peers.plain import DASHBOARD  # noqa: E402

log = logging.getLogger(__name__)


class DevicesConsumer(MqttConsumer):
    """Reads what a device has said and tells every dashboard."""

    async def connect(self) -> None:
        await self.subscribe("devices/+/+/telemetry", 1)

    async def receive(self, mqtt_message: dict[str, Any]) -> None:
        _, site, device, _ = mqtt_message["topic"].split("/")
        try:
            payload = json.loads(mqtt_message["payload"])
        except ValueError:
            log.warning("%s/%s: no JSON", site, device)
            return
        reading = {"type": "telemetry", "device": f"{site}/{device}", "payload": payload}
        await self.channel_layer.group_send(DASHBOARD, reading)

    async def disconnect(self) -> None:
        """The broker keeps the subscription in our session."""


application = ProtocolTypeRouter({"mqtt": DevicesConsumer.as_asgi()})
