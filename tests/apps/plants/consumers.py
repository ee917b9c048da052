"""Each kind of consumer that Channels has, at work in a greenhouse."""

import json
from typing import Any

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer

from causeway import Actor
from causeway.consumers import DeviceConsumer, JsonDeviceConsumer
from causeway.requests import store_command
from causeway.web import access_of
from tests.apps.plants.models import PlantCount


class Greenhouse(DeviceConsumer):
    """A page's socket: the moisture of each plant of a site, live, and what its gardeners say to each other."""

    async def connect(self) -> None:
        """Whoever may not see the site is hung up on by ``watch``."""
        site = self.scope["url_route"]["kwargs"]["site"]
        self.group = f"greenhouse.{site}"
        await self.accept()
        await self.watch(f"{site}/*", readings="latest")
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def device_snapshot(self, event: dict[str, Any]) -> None:
        """The plant as it is."""
        if "moisture" in event["metrics"]:
            await self.send_json({"plant": event["device"], "moisture": event["metrics"]["moisture"]["value"]})

    async def device_delta(self, event: dict[str, Any]) -> None:
        """What changed; each reading comes once, in order."""
        for reading in event["readings"]:
            if "moisture" in reading["metrics"]:
                await self.send_json({"plant": event["device"], "moisture": reading["metrics"]["moisture"]})

    async def device_gone(self, event: dict[str, Any]) -> None:
        """It is not there any more."""
        await self.send_json({"plant": event["device"], "moisture": None})

    async def receive_json(self, content: Any, **_: Any) -> None:
        """A gardener says something: all others of the site hear it, whichever process serves them."""
        said = {"type": "gardener.said", "who": self.scope["user"].get_username(), "text": str(content)[:200]}
        await self.channel_layer.group_send(self.group, said)

    async def gardener_said(self, event: dict[str, Any]) -> None:
        """Somebody of the group said something."""
        await self.send_json({"who": event["who"], "text": event["text"]})


class OnePlant(JsonDeviceConsumer):
    """The same for one plant, in synchronous code: the ORM may be used as it is."""

    def connect(self) -> None:
        """Watch the plant that the address names."""
        where = self.scope["url_route"]["kwargs"]
        self.accept()
        self.watch(f"{where['site']}/{where['pot']}")

    def device_snapshot(self, event: dict[str, Any]) -> None:
        """How many readings of it there ever were."""
        counted = PlantCount.objects.filter(device__key=event["device"]).first()
        self.send_json({"plant": event["device"], "readings": counted.readings if counted else 0})


class Sites(AsyncHttpConsumer):
    """An answer by HTTP, from the event loop: the sites that the user sees."""

    async def handle(self, body: bytes) -> None:
        """One answer; ``send_headers`` and ``send_body`` would stream."""
        access = await database_sync_to_async(access_of)(self.scope["user"])
        if access is None:
            await self.send_response(403, b"sign in\n", headers=[(b"Content-Type", b"text/plain")])
            return
        sites = json.dumps(sorted(access.sites)).encode()
        await self.send_response(200, sites, headers=[(b"Content-Type", b"application/json")])


class Watering(AsyncConsumer):
    """On the channel ``plants-watering``, in the device workers: waters what it is told to."""

    async def water(self, message: dict[str, Any]) -> None:
        """``{"type": "water", "device": "site/pot"}``."""
        await store_command(message["device"], "water", {"seconds": 5}, actor=Actor("app", "plants"))
