"""``python -m bench.peers.aiomqtt_alone PORT``: aiomqtt, as its documentation uses it, that only counts.

It prints an empty line for each message, and takes over the session ``alone``, which somebody else has subscribed.
"""

import asyncio
import contextlib
import os
import sys

import aiomqtt

_EVERY_S = 0.02


async def main(port: int) -> None:
    """Until the broker is gone."""
    count, loop = 0, asyncio.get_running_loop()

    def tell() -> None:
        nonlocal count
        os.write(sys.stdout.fileno(), b"\n" * count)
        count = 0
        loop.call_later(_EVERY_S, tell)

    tell()
    async with aiomqtt.Client("127.0.0.1", port, identifier="alone", clean_session=False) as client:
        async for _ in client.messages:
            count += 1


if __name__ == "__main__":
    with contextlib.suppress(aiomqtt.MqttError, KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
