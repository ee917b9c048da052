"""The app's consumer."""

from typing import Any

from causeway.consumers import DeviceConsumer


class Relay(DeviceConsumer):
    """``{"target": "site/*", "revs": {device: rev}}``, then each event as it comes."""

    async def receive_json(self, content: Any, **_: Any) -> None:
        """What to watch."""
        await self.watch(content["target"], revs=content["revs"])

    async def device_snapshot(self, event: dict[str, Any]) -> None:
        """Hand it on."""
        await self.send_json(event)

    async def device_delta(self, event: dict[str, Any]) -> None:
        """Hand it on."""
        await self.send_json(event)

    async def device_event(self, event: dict[str, Any]) -> None:
        """Hand it on."""
        await self.send_json(event)

    async def device_gone(self, event: dict[str, Any]) -> None:
        """Hand it on."""
        await self.send_json(event)
