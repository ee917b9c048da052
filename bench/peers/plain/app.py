"""``application``: commands by HTTP and dashboards by WebSocket for Daphne; a channel for ``runworker``."""

import json
import logging
import uuid
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from bench.peers.plain import DASHBOARD, DEVICES, PUBLISH

log = logging.getLogger(__name__)


class DevicesConsumer(AsyncConsumer):
    """In the worker: reads what a device has said and tells every dashboard."""

    async def device_telemetry(self, event: dict[str, Any]) -> None:
        await self._tell(event, {"type": "telemetry", "device": event["device"]})

    async def device_ack(self, event: dict[str, Any]) -> None:
        await self._tell(event, {"type": "ack", "device": event["device"], "command": event["command"]})

    async def _tell(self, event: dict[str, Any], news: dict[str, Any]) -> None:
        try:
            payload = json.loads(event["payload"])
        except ValueError:
            log.warning("%s: no JSON", event["device"])
            return
        await self.channel_layer.group_send(DASHBOARD, {**news, "payload": payload})


class DashboardConsumer(AsyncWebsocketConsumer):
    """One browser."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(DASHBOARD, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  Channels' signature
        await self.channel_layer.group_discard(DASHBOARD, self.channel_name)

    async def telemetry(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps({"device": event["device"], "payload": event["payload"]}))

    async def ack(self, event: dict[str, Any]) -> None:
        frame = {"device": event["device"], "command": event["command"], "payload": event["payload"]}
        await self.send(text_data=json.dumps(frame))


@require_POST
async def command(request: HttpRequest, site: str, device: str) -> JsonResponse:
    """POST ``{"name":…,"args":{…}}`` → 202 ``{"id":…}``. The device's answer comes to the dashboards, with the id."""
    wanted = json.loads(request.body)
    number = uuid.uuid4().hex
    order = {
        "type": "mqtt.publish",
        "topic": f"devices/{site}/{device}/command/{number}/{wanted['name']}",
        "payload": json.dumps(wanted.get("args", {})),
    }
    await get_channel_layer().send(PUBLISH, order)
    return JsonResponse({"id": number}, status=202)


urlpatterns = [path("devices/<site>/<device>/commands", command)]
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("ws/", DashboardConsumer.as_asgi())]),
        "channel": ChannelNameRouter({DEVICES: DevicesConsumer.as_asgi()}),
    }
)
