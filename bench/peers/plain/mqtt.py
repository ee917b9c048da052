"""``python -m bench.peers.plain.mqtt``: the MQTT loop, from the broker to the channel layer, until SIGTERM."""

import asyncio
import logging
import os

import aiomqtt
import django
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from bench.peers.plain import DEVICES

log = logging.getLogger(__name__)
_RECONNECT_S = 1


async def main() -> None:
    """Connect, again and again. The broker keeps our session meanwhile. Never returns."""
    client = aiomqtt.Client("127.0.0.1", int(os.environ["MQTT_PORT"]), identifier="plain", clean_session=False)
    while True:
        try:
            async with client:
                await client.subscribe("devices/+/+/telemetry", 1)
                async for message in client.messages:
                    await _send(message)
        except aiomqtt.MqttError as error:
            log.warning("%s", error)
            await asyncio.sleep(_RECONNECT_S)


async def _send(message: aiomqtt.Message) -> None:
    _, site, device, _ = message.topic.value.split("/")
    event = {"type": "device.telemetry", "device": f"{site}/{device}", "payload": message.payload}
    try:
        await get_channel_layer().send(DEVICES, event)
    except ChannelFull:
        log.warning("the worker is behind: a message dropped")


if __name__ == "__main__":
    django.setup()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
