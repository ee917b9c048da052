"""One gateway process: its parts, and who notices when one dies.

::

    run ── Lease ─── TaskGroup ─┬─ broker link   connection, epoch, subscriptions, markers
                                ├─ uplink        batches out
                                ├─ replies       Acks in ──> PUBACK out
                                ├─ downlink      messages in ──> PUBLISH out
                                ├─ answers       Published out
                                ├─ beat          the process's row and lease
                                ├─ listeners     what people want to hear, on connections of their own
                                └─ switch …      from a former client id's session to the present one's, if there is one

A process that does not have the lease on its name stands by: it does not connect, and listens on no channel.

The parts outlive their infrastructure. Should one end all the same, that is a bug: the group ends, :func:`run` raises.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog
from channels.layers import get_channel_layer

from bridge.messages import Acks, FiltersChanged, ListenAsked, Publish, Refetch
from bridge.names import gateway_channel
from mqtt_gateway.client.session import AiomqttConnection
from mqtt_gateway.connection.broker_link import BrokerLink
from mqtt_gateway.connection.careful import Connect, careful
from mqtt_gateway.connection.herald import Herald
from mqtt_gateway.connection.marker_publisher import MarkerPublisher
from mqtt_gateway.connection.protocol_version import understood
from mqtt_gateway.connection.session_switch import SessionSwitch
from mqtt_gateway.connection.subscriptions import AllForbiddenError
from mqtt_gateway.downlink import Downlink
from mqtt_gateway.layer import Handlers, Layer
from mqtt_gateway.listening.listeners import Listeners
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.heartbeat import Heartbeat
from mqtt_gateway.process.lease import LEASE_LOST, Lease, database_thread
from mqtt_gateway.process.state import State
from mqtt_gateway.process.storage import FiltersOverlapError, Former, LeaseLostError
from mqtt_gateway.rules.incident_reports import Kind, Report
from mqtt_gateway.uplink.uplink import Uplink
from runtime.database import DatabaseUnavailableError
from runtime.database_clock import unix_ms

log = structlog.get_logger(__name__)

_DRAIN_S: Final = 3


async def run(
    options: GatewayOptions, stop: asyncio.Event, *, connect: Connect = AiomqttConnection, backend: Any = None
) -> None:
    """Run a gateway until ``stop`` is set; then finish what is in hand (within about 6 s) and return.

    While another process works under the name, this one stands by.

    Args:
        options: its settings.
        stop: set it to end.
        connect: makes an unopened connection to the broker.
        backend: the channel layer; None: Django's default one.

    Raises:
        FiltersOverlapError: another gateway runs with overlapping topic filters.
        AllForbiddenError: the dialects' filters overlap, and this broker can't have that.
        ExceptionGroup: a part died: a bug.
    """
    database = database_thread()
    lease, layer = Lease(options, database), Layer(backend or get_channel_layer())
    state: State | None = None
    try:
        while (former := await lease.acquire(stop)) is not None:
            earlier, state = state, State(options, former)
            if earlier:
                state.inherit(earlier)
            _tell_of_rivals(former, state)
            if options.devices_share_listener:
                state.reports.add(Report("shared_listener", unix_ms(), unix_ms(), detail="MQTT_FLEET=shared"))
            own = replace(options, client_id=former.client_id, key=former.key, tag=former.tag)
            await _Gateway(own, connect, layer, lease, state).run(stop, former)
    except BaseExceptionGroup as group:
        if unfit := group.subgroup((FiltersOverlapError, AllForbiddenError)):
            raise unfit.exceptions[0] from None
        raise
    finally:
        with contextlib.suppress(DatabaseUnavailableError, LeaseLostError):
            await lease.release(broker_up=False)
        await database.end()


def _tell_of_rivals(former: Former, state: State) -> None:
    now_ms = unix_ms()
    for rival in former.rivals:
        detail = f"{rival.mine} here, {rival.theirs} in the broker's session of {rival.name}"
        log.warning("the session of another gateway, which is not running, has overlapping filters", detail=detail)
        state.reports.add(Report("filters_overlap", now_ms, now_ms, detail=detail))


class _Gateway:
    """One process's parts, while it has the name."""

    def __init__(self, options: GatewayOptions, connect: Connect, layer: Layer, lease: Lease, state: State) -> None:
        self._options, self._layer, self._lease, self._state = options, layer, lease, state
        self._connect = understood(connect, partial(self._tell, "older_protocol"))

    async def run(self, stop: asyncio.Event, former: Former) -> None:
        """Build the parts, run them until told to stop or until the lease is lost: to another process or session."""
        reply_to = await self._layer.new_channel()
        uplink = Uplink(self._options, self._layer, reply_to, self._state)
        told = (uplink.own_markers.stored, partial(self._clock_set, uplink))
        beat = Heartbeat(self._lease, self._state, uplink.figures, uplink.drained, *told)
        draining = MarkerPublisher(self._options, self._state, uplink)
        connect = careful(self._connect, partial(self._tell, "publish_refused"))
        link = BrokerLink(self._options, connect, uplink, draining, self._lease, self._state, beat)
        downlink = Downlink(self._options.gateway, self._layer, lambda: link.connection)
        listeners = Listeners(self._options, self._connect, self._lease, uplink.whose)
        orders: Handlers = {
            Publish: downlink.handle,
            Refetch: link.keeper.refetch,
            FiltersChanged: link.keeper.changed,
            ListenAsked: listeners.asked,
        }
        parts = {
            "uplink": uplink.run(),
            "replies": self._layer.listen(reply_to, Acks, uplink.replied),
            "answers": downlink.run(),
            "beat": beat.run(),
            "downlink": self._layer.receive(gateway_channel(self._options.gateway), orders),
            "broker link": link.run(),
            "listeners": listeners.run(),
            **self._heralding(connect, link),
            **{key: self._layer.receive(gateway_channel(key), orders) for key in former.predecessors},
            **self._switching(former, uplink),
        }
        log.info("gateway started", gateway=self._options.name, filters=self._options.filters)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(part, name=name) for name, part in parts.items()}
            if await self._told_to_stop(stop):
                await self._stop(uplink, tasks)
            else:
                self._leave_to_another(uplink, tasks)
        if not self._lease.lost.is_set():
            await beat.end()
            log.info("gateway stopped")

    def _heralding(self, connect: Connect, link: BrokerLink) -> dict[str, Coroutine[Any, Any, None]]:
        if not self._options.sparkplug_host:
            return {}
        return {"herald": Herald(self._options, connect, lambda: link.connection is not None).run()}

    def _switching(self, former: Former, uplink: Uplink) -> "dict[str, Coroutine[Any, Any, None]]":
        """What there is to do about sessions under former client ids."""
        switch = SessionSwitch(self._options, self._connect, uplink, self._lease, self._state)
        parts = {}
        if former.successor:
            parts["switch"] = switch.to(former.successor)
        if former.switch:
            parts["switched"] = switch.store_beginning()
        if former.endings:
            parts["endings"] = switch.end(former.endings)
        return parts

    def _tell(self, kind: Kind, detail: str) -> None:
        now_ms = unix_ms()
        self._state.reports.add(Report(kind, now_ms, now_ms, detail=detail))

    async def _told_to_stop(self, stop: asyncio.Event) -> bool:
        """Wait; False: the name is another process's."""
        told, lost = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._lease.lost.wait())
        try:
            await asyncio.wait((told, lost), return_when=asyncio.FIRST_COMPLETED)
            return not lost.done()
        finally:
            told.cancel()
            lost.cancel()

    async def _stop(self, uplink: Uplink, tasks: dict[str, "asyncio.Task[Any]"]) -> None:
        tasks["downlink"].cancel()
        if not await uplink.drain(_DRAIN_S):
            log.warning("some deliveries are left with the broker, unconfirmed", deliveries=uplink.in_flight)
        tasks["broker link"].cancel()  # says goodbye to the broker
        await asyncio.wait((tasks["broker link"],))
        for task in tasks.values():
            task.cancel()

    def _clock_set(self, uplink: Uplink) -> None:
        """The clock by which all is stamped was set: what was measured by it means nothing. A new connection begins."""
        self._state.markers.forget_times()
        uplink.drop("the database's clock was set")

    def _leave_to_another(self, uplink: Uplink, tasks: dict[str, "asyncio.Task[Any]"]) -> None:
        """No goodbye: on the status topic that other one is online."""
        uplink.drop(LEASE_LOST)
        uplink.abandon()
        for task in tasks.values():
            task.cancel()
