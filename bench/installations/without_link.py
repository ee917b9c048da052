"""Gateways and a worker without the reliable link, as a plain Channels program would be. Only to measure what it costs.

``puback-at-once``: every delivery is confirmed to the broker when it arrives; all else is the product's.
``fire-and-forget``: a batch counts as done once the channel layer has it. No window, no resend, and so no PUBACK after
the commit. Its worker (``worker``) takes whatever comes, as a consumer's queue does; a lost batch would stop its shard.

Neither can be had from the product: a crash loses what they have confirmed.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import django
from django.core.management import call_command

from bridge import wire
from bridge.messages import Acks, Batch, Batches, LinkAck


def arguments(*what: str) -> list[str]:
    """A command line of this module: ``("fire-and-forget",)``, ``("worker", "--shards", "0-1")``."""
    return [sys.executable, "-m", "bench.installations.without_link", *what]


def main(what: str, *options: str) -> None:
    """Run one of them until SIGTERM."""
    django.setup()
    {"puback-at-once": _confirm_at_once, "fire-and-forget": _forget, "worker": _unbounded}[what]()
    call_command("run_devices" if what == "worker" else "run_gateway", *options)


def _confirm_at_once() -> None:
    from mqtt_gateway import gateway
    from mqtt_gateway.client import session
    from mqtt_gateway.client.broker import Listener
    from mqtt_gateway.rules.packet_reader import Copies

    class Confirming:
        """Hands on what arrives, then confirms it."""

        def __init__(self, listener: Listener, confirm: Callable[[Iterable[int]], None]) -> None:
            self.opened, self._delivered, self._confirm = listener.opened, listener.delivered, confirm

        def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
            self._delivered(topic, payload, qos, retain, dup, packet_id)
            if qos:
                self._confirm((packet_id,))

    class AtOnce(session.AiomqttConnection):
        async def open(self, listener: Listener, copies: Copies | None = None) -> None:
            await super().open(Confirming(listener, super().acknowledge), copies)

        def acknowledge(self, packet_ids: Iterable[int]) -> None:
            """They were confirmed on arrival."""

    defaults = gateway.run.__kwdefaults__
    assert defaults is not None
    defaults["connect"] = AtOnce


def _forget() -> None:
    from mqtt_gateway import gateway, layer

    class Forgetful(layer.Layer):
        """Acknowledges each batch itself as soon as it is sent; the workers' own acknowledgements are thrown away."""

        def __init__(self, backend: Any) -> None:
            super().__init__(backend)
            self._acks: asyncio.Queue[Acks] = asyncio.Queue()
            self._reply_to = ""

        async def new_channel(self) -> str:
            self._reply_to = await super().new_channel()
            return self._reply_to

        async def send(self, channel: str, message: wire.Message) -> str:
            problem = await super().send(channel, message)
            if isinstance(message, Batch | Batches) and not problem:
                batches = message.batches if isinstance(message, Batches) else (message,)
                acks = (LinkAck(batch.shard, batch.gateway, batch.epoch, batch.seq + 1) for batch in batches)
                self._acks.put_nowait(Acks(tuple(acks)))
            return problem

        async def listen(self, channel: str, kind: type[layer.M], handle: Callable[[layer.M], Any]) -> NoReturn:
            if channel == self._reply_to:
                await asyncio.gather(super().listen(channel, kind, lambda _: None), self._acknowledge(handle))
            await super().listen(channel, kind, handle)

        async def _acknowledge(self, handle: Callable[[Any], Any]) -> NoReturn:
            while True:
                handle(await self._acks.get())

    vars(gateway)["Layer"] = Forgetful


def _unbounded() -> None:
    from devices.worker.round import intake

    vars(intake)["MAX_BATCHES"] = sys.maxsize


if __name__ == "__main__":
    main(*sys.argv[1:])
