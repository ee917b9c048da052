"""``python -m bench.peers.plain.mqtt``: the MQTT loop, between the broker and the channel layer, until SIGTERM."""

import asyncio
import logging
import os

import aiomqtt
import django
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from bench.peers.plain import COMMANDS, DEVICES

log = logging.getLogger(__name__)
_RECONNECT_S = 1


async def main() -> None:
    """Connect, again and again. The broker keeps our session meanwhile. Never returns."""
    client = aiomqtt.Client("127.0.0.1", int(os.environ["MQTT_PORT"]), identifier="plain", clean_session=False)
    while True:
        try:
            async with client:
                await client.subscribe([("devices/+/+/telemetry", 1), ("devices/+/+/ack/+", 1)])
                commands = asyncio.create_task(_publish_commands(client))
                try:
                    async for message in client.messages:
                        await _send(message)
                finally:
                    commands.cancel()
        except aiomqtt.MqttError as error:
            log.warning("%s", error)
            await asyncio.sleep(_RECONNECT_S)


async def _publish_commands(client: aiomqtt.Client) -> None:
    while True:
        command = await get_channel_layer().receive(COMMANDS)
        await client.publish(command["topic"], command["payload"], 1)


async def _send(message: aiomqtt.Message) -> None:
    _, site, device, kind, *command = message.topic.value.split("/")
    event = {"type": f"device.{kind}", "device": f"{site}/{device}", "payload": message.payload}
    if command:
        event["command"] = command[0]
    try:
        await get_channel_layer().send(DEVICES, event)
    except ChannelFull:
        log.warning("the worker is behind: a message dropped")


if __name__ == "__main__":
    django.setup()
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
