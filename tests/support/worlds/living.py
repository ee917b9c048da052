"""Many devices that live: each keeps an MQTT connection of its own, with birth and will, and comes back when it is cut.

Cheap: sockets of one event loop in a thread, MQTT 3.1.1 written by hand, nothing read but the broker's answers.
"""

import asyncio
import contextlib
import itertools
import random
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Self

from tests.support.servers.mqtt_stream import PUBLISH, packet, text
from tests.support.waiting import eventually

_CONNECT: Final = 1 << 4
_WILL_RETAINED_QOS1_CLEAN: Final = 0b0010_1110
_KEEP_ALIVE_S: Final = 600  # longer than any test
_SLOWEST_RETURN_S: Final = 1.5


class Device:
    """One device. Its methods run in the fleet's loop."""

    def __init__(self, port: int, key: str) -> None:
        self.key, self._port = key, port
        self._writer: asyncio.StreamWriter | None = None
        self._ids = itertools.count(1)
        self._life: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted it, as far as it knows."""
        return self._writer is not None

    async def live(self) -> None:
        """Connect, and connect again whenever that is lost."""
        if self._life is None:
            self._life = asyncio.create_task(self._live())

    async def die(self) -> None:
        """Vanish without a DISCONNECT: the broker publishes the will."""
        life, self._life = self._life, None
        if life:
            life.cancel()
            await asyncio.wait([life])

    async def leave(self) -> None:
        """Say goodbye: the broker publishes no will."""
        if self._writer:
            with contextlib.suppress(OSError):
                self._writer.write(packet(14 << 4, b""))
                await self._writer.drain()
        await self.die()

    async def speak(self) -> None:
        """Publish a telemetry object at QoS 1; lost when there is no connection."""
        self._publish("telemetry", b'{"n":1}')

    async def _live(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._connect_once()
            await asyncio.sleep(random.uniform(0.05, _SLOWEST_RETURN_S))

    async def _connect_once(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(self._connect_packet())
            answer = await reader.readexactly(4)
            if answer[3] != 0:
                raise ConnectionError(f"refused with {answer[3]}")
            self._writer = writer
            self._publish("status", b"online", retain=True)
            while await reader.read(1024):
                pass
        finally:
            self._writer = None
            writer.transport.abort()

    def _connect_packet(self) -> bytes:
        flags = bytes([4, _WILL_RETAINED_QOS1_CLEAN]) + _KEEP_ALIVE_S.to_bytes(2, "big")
        will = text(f"devices/{self.key}/status".encode()) + text(b"offline")
        return packet(_CONNECT, text(b"MQTT") + flags + text(self.key.encode()) + will)

    def _publish(self, suffix: str, payload: bytes, *, retain: bool = False) -> None:
        if self._writer:
            number = next(self._ids) % 65_535 + 1
            body = text(f"devices/{self.key}/{suffix}".encode()) + number.to_bytes(2, "big") + payload
            self._writer.write(packet(PUBLISH << 4 | 2 | retain, body))


class LivingFleet:
    """Devices in a thread. Use it as a context manager; it returns when all are connected."""

    def __init__(self, port: int, keys: Iterable[str]) -> None:
        self.devices = {key: Device(port, key) for key in keys}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="living-fleet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._all(Device.live)
        self.all_connected()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._all(Device.leave)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def all_connected(self, timeout_s: float = 20) -> None:
        """Wait until each device that lives is connected (again)."""
        living = [device for device in self.devices.values() if device._life]
        eventually(lambda: all(device.connected for device in living), timeout_s, what="all devices are connected")

    def speak(self) -> None:
        """Every device says something."""
        self._all(Device.speak)

    def die(self, key: str) -> None:
        """One device really dies."""
        self._run(self.devices[key].die())

    def revive(self, key: str) -> None:
        """It comes back."""
        self._run(self.devices[key].live())

    def _all(self, what: Callable[[Device], Coroutine[Any, Any, None]]) -> None:
        async def together() -> None:
            await asyncio.gather(*(what(device) for device in self.devices.values()))

        self._run(together())

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)
