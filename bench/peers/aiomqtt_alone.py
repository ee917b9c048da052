"""``python -m bench.peers.aiomqtt_alone PORT``: aiomqtt, as its documentation uses it, that only counts.

It prints a line for each message. It takes over the session ``alone``, whose subscription somebody else has made.
"""

import asyncio
import contextlib
import os
import sys

import aiomqtt

_EVERY_S = 0.02


class _Counted:
    """Messages that are not told of yet."""

    def __init__(self) -> None:
        self.count = 0

    async def tell(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            count, self.count = self.count, 0
            os.write(sys.stdout.fileno(), b"\n" * count)


async def main(port: int) -> None:
    """Never returns.

    Raises:
        aiomqtt.MqttError: the broker is gone.
    """
    counted = _Counted()
    telling = asyncio.create_task(counted.tell())
    async with aiomqtt.Client("127.0.0.1", port, identifier="alone", clean_session=False) as client:
        async for _ in client.messages:
            counted.count += 1
    telling.cancel()


if __name__ == "__main__":
    with contextlib.suppress(aiomqtt.MqttError, KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1])))
