"""What the gateway does with its own topic: markers that come back, a stranger's, and the one between two sessions.

Markers have no place in the order of confirmations: each is confirmed by itself, and one always is not yet
(mqtt_gateway.rules.canary).
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Final

from bridge.link import ArrivalOrder
from mqtt_gateway.client.broker import Connection
from mqtt_gateway.options import GatewayOptions
from mqtt_gateway.process.state import State
from mqtt_gateway.rules.incident_reports import Report
from mqtt_gateway.rules.packet_reader import Delivered
from runtime.database_clock import unix_ms

_STRANGER_EVERY_S: Final = 60.0  # told so often, whatever it sends
_PARTS: Final = 3  # of a marker: whose, of which connection, which one


class OwnMarkers:
    """Of one gateway process.

    Args:
        options: name, topic and tag.
        state: has the rules.
    """

    def __init__(self, options: GatewayOptions, state: State) -> None:
        self._options, self._state = options, state
        self._topic, self._tag = options.marker_topic, options.tag.encode()
        self._connection: Connection | None = None
        self._order = ArrivalOrder()
        self._stranger_s = -_STRANGER_EVERY_S
        self.end_at = b""  # the marker with which this session, a former one, ends
        self.ended = asyncio.Event()  # it has come; nothing behind it was taken
        self.began = asyncio.Event()  # the marker that must come first has come, or never will: to be stored
        self._skipping, self._switch_ticket = False, -1

    def connecting(self, connection: Connection, order: ArrivalOrder) -> None:
        """From now on all is ``connection``'s."""
        self._connection, self._order = connection, order
        token = secrets.token_hex(8)
        self._state.markers.connecting(f"{self._options.tag} {token}" if self._tag else token)
        self._state.canary.connecting()
        self._skipping, self._switch_ticket = bool(self._state.switch), -1
        self.ended.clear()

    def session_is_new(self) -> None:
        """The broker had no session for us."""
        self._state.canary.session_is_new()
        if self._skipping:
            self._begin(0, dup=False)

    # -------------------------------------------------------------------------------------------- delivered

    def delivered(self, payload: bytes, packet_id: int) -> None:
        """A message on our marker topic; ``packet_id`` is 0 for QoS 0."""
        if payload and payload == self.end_at:
            self._end()
            return
        state, now_ms = self._state, unix_ms()
        is_new = state.markers.returned(payload, self._order.end - 1)
        state.owners.settle(state.markers.returned_s)
        if is_new and state.canary.is_missing():
            reason = "what we had not confirmed was gone: another client took it, or the broker went back to older data"
            state.session_taken(state.sure_until_ms(now_ms), now_ms, reason)
        if packet_id and not self._stays(payload, packet_id, is_new=is_new):
            self._acknowledge(packet_id)
        if self._tag and not is_new and len(parts := payload.split(b" ")) == _PARTS and parts[0] != self._tag:
            self._stranger(now_ms)

    def _stays(self, payload: bytes, packet_id: int, *, is_new: bool) -> bool:
        if not self._options.broker_keeps_sessions:
            return False
        return self._state.canary.delivered(payload.decode(errors="replace"), packet_id, self._order.end, is_new=is_new)

    def _stranger(self, now_ms: int) -> None:
        if time.monotonic() >= self._stranger_s + _STRANGER_EVERY_S:
            self._stranger_s = time.monotonic()
            detail = f"{self._options.name!r} at {self._options.broker}, under another client id"
            self._state.reports.add(Report("name_taken", now_ms, now_ms, detail=detail))

    def _acknowledge(self, packet_id: int) -> None:
        if self._connection is not None:
            self._connection.acknowledge((packet_id,))

    # --------------------------------------------------------------------------------------------- stored

    def names(self) -> list[str]:
        """Of the markers that stay unconfirmed, for the row."""
        return self._state.canary.names(self._order.end)

    def stored(self, names: Sequence[str]) -> None:
        """The row has these names: those before the last may be confirmed."""
        for packet_id in self._state.canary.stored(names):
            self._acknowledge(packet_id)

    # ------------------------------------------------------------------------------- between two sessions

    def _end(self) -> None:
        """All behind it is the successor's: read no more. It is never confirmed, so it comes again."""
        if self._connection is not None:
            self._connection.pause()
        self.ended.set()

    def listener(self, deliver: Delivered) -> Delivered:
        """``deliver``; until the marker of the switch has come, one that takes nothing: a former session had it."""
        if not self._skipping:
            return deliver
        return self._skip(deliver)

    def _skip(self, deliver: Delivered) -> Delivered:
        def delivered(topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
            if not self._skipping:
                deliver(topic, payload, qos, retain, dup, packet_id)
            elif topic == self._topic:
                self._marker_before_switch(payload, packet_id, dup=dup)
            elif packet_id:
                self._acknowledge(packet_id)

        return delivered

    def _marker_before_switch(self, payload: bytes, packet_id: int, *, dup: bool) -> None:
        if payload == self._state.switch:
            self._begin(packet_id, dup=dup)
            return
        self.delivered(payload, packet_id)
        if not self._state.markers.late:  # one of this connection is back: the switch was before it, and is lost
            now_ms = unix_ms()
            reason = "the marker between the former session and this one was lost"
            self._state.session_taken(self._state.sure_until_ms(now_ms), now_ms, reason)
            self._begin(0, dup=False)

    def _begin(self, packet_id: int, *, dup: bool) -> None:
        """All counts from here on. Nothing is confirmed before that is stored: else the marker is to come again."""
        self._skipping = False
        self._switch_ticket = self._order.arrived(packet_id, dup=dup) if packet_id else -1
        self.began.set()

    def begin_stored(self) -> None:
        """It is."""
        self._state.switch = b""
        if self._switch_ticket >= 0:
            self._order.finish(self._switch_ticket)
