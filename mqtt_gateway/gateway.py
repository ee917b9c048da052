"""One gateway process: its parts, and who notices when one dies.

::

    run ── TaskGroup ─┬─ broker link   connection, epoch, subscriptions
                      ├─ uplink        batches out
                      ├─ replies       LinkAck in ──> PUBACK out
                      ├─ downlink      messages in ──> PUBLISH out
                      ├─ answers       Published out
                      └─ beat          the process's row

The parts outlive their infrastructure. Should one end all the same, that is a bug: the group ends, :func:`run` raises.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import structlog
from channels.layers import get_channel_layer

from bridge.names import gateway_channel
from mqtt_gateway.beat import BEAT_S, Beat
from mqtt_gateway.broker import Connection, Outgoing
from mqtt_gateway.broker_link import BrokerLink
from mqtt_gateway.counters import Counters
from mqtt_gateway.database import DatabaseDownError, DatabaseThread
from mqtt_gateway.downlink import Downlink
from mqtt_gateway.draining import Draining
from mqtt_gateway.layer import Layer
from mqtt_gateway.markers import Markers
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.session import AiomqttConnection
from mqtt_gateway.storage import Former, load_former
from mqtt_gateway.uplink import Uplink, listener_of

log = structlog.get_logger(__name__)

_DRAIN_S: Final = 3

Connect = Callable[[GatewayOptions, Outgoing], Connection]


async def run(
    options: GatewayOptions, stop: asyncio.Event, *, connect: Connect = AiomqttConnection, backend: Any = None
) -> None:
    """Run a gateway until ``stop`` is set; then finish what is in hand (within about 6 s) and return.

    Args:
        options: its settings.
        stop: set it to end.
        connect: makes an unopened connection to the broker.
        backend: the channel layer; None: Django's default one.

    Raises:
        ExceptionGroup: a part died: a bug.
    """
    database = DatabaseThread()
    try:
        former = await _load_former(options.client_id, database, stop)
        if former:
            await _Gateway(options, connect, Layer(backend or get_channel_layer()), database, former).run(stop)
    finally:
        await database.close()


async def _load_former(client_id: str, database: DatabaseThread, stop: asyncio.Event) -> Former | None:
    """What earlier processes left; waits for the database."""
    while not stop.is_set():
        try:
            return await database.run(load_former, client_id)
        except DatabaseDownError:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), BEAT_S)
    return None


class _Gateway:
    def __init__(
        self,
        options: GatewayOptions,
        connect: Connect,
        layer: Layer,
        database: DatabaseThread,
        former: Former,
    ) -> None:
        self._options, self._connect, self._layer = options, connect, layer
        self._database = database
        self._counters, self._markers = Counters.load(former.counters), Markers(former.drained_ms)

    async def run(self, stop: asyncio.Event) -> None:
        """Build the parts, run them, drain them."""
        reply_to = await self._layer.new_channel()
        uplink = Uplink(self._options, self._layer, reply_to, self._counters, self._markers)
        beat = Beat(
            self._options.client_id,
            self._database,
            lambda: {"counters": self._counters.dump(uplink.in_flight), "drained_ms": self._markers.drained_ms},
            uplink.drained,
            self._options.heartbeat_file,
        )
        draining = Draining(self._options, self._markers, uplink)
        link = BrokerLink(self._options, self._connect, uplink, draining, self._database, self._counters, beat)
        downlink = Downlink(self._options.topic_root, self._layer, lambda: link.connection)
        parts = {
            "uplink": uplink.run(),
            "replies": self._layer.listen(reply_to, listener_of(uplink)),
            "answers": downlink.run(),
            "beat": beat.run(),
            "downlink": self._layer.listen(gateway_channel(self._options.client_id), downlink.handle),
            "broker link": link.run(),
        }
        log.info("gateway started", client_id=self._options.client_id, filters=self._options.filters)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(part, name=name) for name, part in parts.items()}
            await stop.wait()
            await self._stop(uplink, tasks)
        await beat.write()
        log.info("gateway stopped")

    async def _stop(self, uplink: Uplink, tasks: dict[str, "asyncio.Task[Any]"]) -> None:
        tasks["downlink"].cancel()
        if not await uplink.drain(_DRAIN_S):
            log.warning("some deliveries are left with the broker, unconfirmed", deliveries=uplink.in_flight)
        tasks["broker link"].cancel()  # says goodbye to the broker
        await asyncio.wait((tasks["broker link"],))
        for task in tasks.values():
            task.cancel()
