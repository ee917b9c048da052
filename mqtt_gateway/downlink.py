"""Messages on the gateway's channel → PUBLISH → what became of it, back to the shard's worker.

PUBLISH packets leave in the order in which the messages came, so each device's order is kept (MQTT-4.6.0-6); the
answers wait for the broker's PUBACK without holding up the next.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from bridge import wire
from bridge.dialects.native.topics import NativeTopics
from bridge.messages import PublishCommand, PublishDesired, Published
from bridge.names import devices_channel
from mqtt_gateway.client.broker import Connection, Outgoing
from mqtt_gateway.layer import Layer
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 64  # PUBLISH packets under way; fewer where the broker says so
_OTHERS: Final = 2  # may be under way beside: birth and marker
_CONFIRM_S: Final = 10
_LONGEST_EXPIRY_S: Final = 0xFFFFFFFF
LINK_DOWN: Final = "broker link down"
EXPIRED: Final = "expired"

DownlinkMessage = PublishCommand | PublishDesired


class Downlink:
    """The downlink of one gateway process.

    Args:
        topic_root: of the native dialect.
        layer: where the answers go.
        connection: gives the connection that is up, or None.
    """

    def __init__(self, topic_root: str, layer: Layer, connection: Callable[[], Connection | None]) -> None:
        self._topics = NativeTopics(topic_root)
        self._layer, self._connection = layer, connection
        self._under_way = 0
        self._room = asyncio.Event()
        # Bounded by _AT_ONCE + 1: handle() waits for room before each PUBLISH, and answers once for each message.
        self._answers: asyncio.Queue[Published] = asyncio.Queue()

    async def handle(self, message: wire.Message) -> None:
        """One message of the gateway's channel; waits while too many are under way."""
        if not isinstance(message, DownlinkMessage):
            log.warning("unexpected message on the gateway's channel", type=type(message).__name__)
            return
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

    def _publish(self, order: DownlinkMessage) -> str | None:
        """Send it. None: its fate comes later; else it is known at once, in words."""
        connection = self._connection()
        if connection is None:
            return LINK_DOWN
        now_ms = unix_ms()
        if isinstance(order, PublishCommand) and order.expires_ms <= now_ms:
            return EXPIRED
        confirmed = connection.publish(self._packet(order, now_ms))
        overdue = asyncio.get_running_loop().call_later(_CONFIRM_S, _give_up, confirmed)

        def settle(done: "asyncio.Future[str]") -> None:
            overdue.cancel()
            self._settled(order, done.result())

        confirmed.add_done_callback(settle)
        return None

    def _packet(self, order: DownlinkMessage, now_ms: int) -> Outgoing:
        if isinstance(order, PublishDesired):
            return Outgoing(self._topics.desired(order.device), order.payload, retain=True)
        return Outgoing(
            self._topics.command(order.device, order.command_id, order.name),
            order.args,
            expiry_s=min(math.ceil((order.expires_ms - now_ms) / 1000), _LONGEST_EXPIRY_S),
            correlation=order.command_id.encode(),
            response_topic=self._topics.uplink(order.device, "ack", order.command_id),
        )

    def _settled(self, order: DownlinkMessage, reason: str) -> None:
        self._answers.put_nowait(_answer(order, reason))

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


def _answer(order: DownlinkMessage, reason: str) -> Published:
    ok, now_ms = not reason, unix_ms()
    if isinstance(order, PublishCommand):
        return Published(order.shard, order.device, "command", order.command_id, b"", ok, reason, now_ms)
    return Published(order.shard, order.device, "desired", "", order.payload, ok, reason, now_ms)
