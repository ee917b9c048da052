"""The worker's consumer and the browsers'."""

import json
import logging
from typing import Any

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from bench.peers.plain.names import DASHBOARD

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
