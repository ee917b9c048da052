"""``application``: dashboards by WebSocket for Daphne, and the channel ``devices`` for ``runworker``."""

import json
import logging
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

from bench.peers.plain import DASHBOARD, DEVICES

log = logging.getLogger(__name__)


class DevicesConsumer(AsyncConsumer):
    """In the worker: reads what a device has said and tells every dashboard."""

    async def device_telemetry(self, event: dict[str, Any]) -> None:
        try:
            payload = json.loads(event["payload"])
        except ValueError:
            log.warning("%s: no JSON", event["device"])
            return
        reading = {"type": "telemetry", "device": event["device"], "payload": payload}
        await self.channel_layer.group_send(DASHBOARD, reading)

    async def device_ack(self, event: dict[str, Any]) -> None:
        status = json.loads(event["payload"])["status"]
        told = {"type": "command.status", "command": event["command"], "status": status}
        await self.channel_layer.group_send(DASHBOARD, told)


class DashboardConsumer(AsyncWebsocketConsumer):
    """One browser."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(DASHBOARD, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  Channels' signature
        await self.channel_layer.group_discard(DASHBOARD, self.channel_name)

    async def telemetry(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"device": event["device"], "payload": event["payload"]}))

    async def command_status(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"command": event["command"], "status": event["status"]}))


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/", DashboardConsumer.as_asgi())]),
        "channel": ChannelNameRouter({DEVICES: DevicesConsumer.as_asgi()}),
    }
)
