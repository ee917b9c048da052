"""Messages on the gateway's channel → PUBLISH → what became of it, back to the shard's worker.

What they mean is the workers' affair: topic and payload are published as they come, a token goes back with the answer.
PUBLISH packets leave in the order in which the messages came, so each device's order is kept (MQTT-4.6.0-6); the
answers wait for the broker's PUBACK without holding up the next.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from bridge.messages import Publish, Published
from bridge.names import devices_channel
from mqtt_gateway.client.broker import Connection, NeverTaken, Outgoing
from mqtt_gateway.layer import Layer
from runtime.database_clock import unix_ms

_AT_ONCE: Final = 64  # PUBLISH packets under way; fewer where the broker says so
_OTHERS: Final = 2  # may be under way beside: birth and marker
_CONFIRM_S: Final = 10
_LONGEST_EXPIRY_S: Final = 0xFFFFFFFF
LINK_DOWN: Final = "broker link down"
EXPIRED: Final = "expired"


class Downlink:
    """The downlink of one gateway process.

    Args:
        gateway: what batches call it.
        layer: where the answers go.
        connection: gives the connection that is up, or None.
    """

    def __init__(self, gateway: str, layer: Layer, connection: Callable[[], Connection | None]) -> None:
        self._gateway = gateway
        self._layer, self._connection = layer, connection
        self._under_way = 0
        self._room = asyncio.Event()
        # Bounded by _AT_ONCE + 1: handle() waits for room before each PUBLISH, and answers once for each message.
        self._answers: asyncio.Queue[Published] = asyncio.Queue()

    async def handle(self, message: Publish) -> None:
        """One message of the gateway's channel; waits while too many are under way."""
        while self._under_way >= self._limit():
            self._room.clear()
            await self._room.wait()
        self._under_way += 1
        reason = self._publish(message)
        if reason is not None:
            self._settled(message, reason)

    def _limit(self) -> int:
        connection = self._connection()
        return max(1, min(_AT_ONCE, connection.max_outgoing - _OTHERS)) if connection else _AT_ONCE

    def _publish(self, order: Publish) -> str | None:
        """Send it. None: its fate comes later; else it is known at once, in words."""
        connection = self._connection()
        if connection is None:
            return LINK_DOWN
        now_ms = unix_ms()
        if order.expires_ms and order.expires_ms <= now_ms:
            return EXPIRED
        confirmed = connection.publish(packet(order, now_ms))
        overdue = asyncio.get_running_loop().call_later(_CONFIRM_S, _give_up, confirmed)

        def settle(done: "asyncio.Future[str]") -> None:
            overdue.cancel()
            self._settled(order, done.result())

        confirmed.add_done_callback(settle)
        return None

    def _settled(self, order: Publish, reason: str) -> None:
        never = isinstance(reason, NeverTaken)
        answer = Published(
            order.shard, order.device, order.token, self._gateway, not reason, str(reason), unix_ms(), never
        )
        self._answers.put_nowait(answer)

    async def run(self) -> NoReturn:
        """Send the answers, for ever. One that the layer loses is missed by nobody: the worker asks again."""
        while True:
            answer = await self._answers.get()
            await self._layer.send(devices_channel(answer.shard), answer)
            self._under_way -= 1
            self._room.set()


def _give_up(confirmed: "asyncio.Future[str]") -> None:
    if not confirmed.done():
        confirmed.set_result("the broker did not confirm in time")


def packet(order: Publish, now_ms: float) -> Outgoing:
    """What is published, at this time. Whole seconds, to the nearest: clocks of two processes are never quite one."""
    expires_s = max(1, round((order.expires_ms - now_ms) / 1000)) if order.expires_ms else None
    return Outgoing(
        order.topic,
        order.payload,
        order.retain,
        expiry_s=None if expires_s is None else min(expires_s, _LONGEST_EXPIRY_S),
        correlation=order.correlation or None,
        response_topic=order.response_topic or None,
        qos=order.qos,
    )
