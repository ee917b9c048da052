"""``python -m bench.peers.plain.mqtt``: the MQTT loop, between the broker and the channel layer, until SIGTERM."""

import asyncio
import logging
import os
from typing import Any

import aiomqtt
import django
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from bench.peers.plain import DEVICES, PUBLISH

log = logging.getLogger(__name__)
_RECONNECT_S = 1


class Loop:
    """Messages of devices to the channel ``devices``; what comes on ``mqtt-publish`` to devices."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self.dropped = 0  # because the channel was full

    async def run(self) -> None:
        """Connect, again and again. The broker keeps our session meanwhile."""
        client = aiomqtt.Client("127.0.0.1", int(os.environ["MQTT_PORT"]), identifier="plain", clean_session=False)
        while True:
            try:
                async with client, asyncio.TaskGroup() as tasks:
                    await client.subscribe([("devices/+/+/telemetry", 1), ("devices/+/+/ack/+", 1)])
                    tasks.create_task(self._up(client))
                    tasks.create_task(self._down(client))
            except* aiomqtt.MqttError as errors:
                log.warning("%s", errors.exceptions[0])
                await asyncio.sleep(_RECONNECT_S)

    async def _up(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            _, site, device, *rest = message.topic.value.split("/")
            event = (
                {"type": "device.telemetry"} if rest == ["telemetry"] else {"type": "device.ack", "command": rest[-1]}
            )
            await self._send({**event, "device": f"{site}/{device}", "payload": message.payload})

    async def _send(self, event: dict[str, Any]) -> None:
        try:
            await self._layer.send(DEVICES, event)
        except ChannelFull:
            self.dropped += 1
            if self.dropped % 100 == 1:
                log.warning("the worker is behind: %d messages dropped", self.dropped)

    async def _down(self, client: aiomqtt.Client) -> None:
        while True:
            order = await self._layer.receive(PUBLISH)
            await client.publish(order["topic"], order["payload"], qos=1)


async def main() -> None:
    """Never returns."""
    await Loop().run()


if __name__ == "__main__":
    django.setup()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
