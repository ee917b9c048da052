"""Asks the broker what it lets the gateway's login read and write: with the topics of the dialects, and harmlessly.

Reading: a broker may refuse the SUBSCRIBE; one that doesn't (Mosquitto never does) may still deliver nothing. So what
is retained there counts as proof, and what we publish ourselves and hear: on topics of no device, with empty payloads.
Writing: MQTT 5 tells a refusal by the PUBACK's reason code; 3.1.1 tells none, so there only hearing it is proof.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, Literal

from msgspec import Struct

from bridge.dialects.dialect import Dialect, Route
from bridge.topic_filters import matches
from mqtt_gateway.client.broker import ConnectError, Connection, Manner, Outgoing, RefusedFiltersError
from mqtt_gateway.client.session import AiomqttConnection
from mqtt_gateway.connection.careful import Connect
from mqtt_gateway.options import GatewayOptions

_NOBODY: Final = "causeway-check"  # in the place of a wildcard: no device's name
_PUBLISHED_S: Final = 5.0
_HEARD_S: Final = 1.0  # after the last answer
_SILENT: Final = "what we published did not come back: reading or writing is not allowed"
_MOST_HEARD: Final = 10_000  # topics
_AT_ONCE: Final = 10  # PUBLISH packets under way

_PROBES: Final = Manner(1, "never", own=True)
_RETAINED: Final = Manner(1, "always", own=True)
Verdict = Literal["yes", "no", "unknown"]


class Right(Struct, frozen=True):
    """What came out about one topic filter."""

    dialect: str  # its name; "": Causeway's own
    verb: Literal["read", "write"]
    topic_filter: str
    verdict: Verdict
    reason: str = ""  # in words

    @property
    def line(self) -> str:
        """What allows it, in Mosquitto's ACL file."""
        return f"topic {self.verb} {self.topic_filter}"


async def rights(options: GatewayOptions, connect: Connect = AiomqttConnection) -> list[Right]:
    """Ask the broker about all dialects; within some seconds.

    Raises:
        ConnectError: there is no connection to it.
    """
    own = replace(options, client_id=f"causeway-check-{secrets.token_hex(6)}", clean=True)
    connection = connect(own, Outgoing(options.marker_topic, b"", qos=0))  # a will that means nothing
    check = _Check(own, connection)
    try:
        await connection.open(check)
        return await check.run()
    except ConnectError as error:
        if not error.other_version or options.version != "5":
            raise
    finally:
        await connection.close()
    return await rights(replace(options, version="3.1.1"), connect)


class _Check:
    """One connection's questions and what came back. A listener."""

    def __init__(self, options: GatewayOptions, connection: Connection) -> None:
        self._dialects, self._connection = options.dialects, connection
        self._tells = options.version == "5"
        self._heard: set[str] = set()
        self._came = asyncio.Event()
        self._answers: dict[str, str] = {}  # probe → why it was refused; "": it was not

    def opened(self, *, session_present: bool) -> None:
        """See Listener."""

    def delivered(self, topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int) -> None:
        """See Listener."""
        del payload, qos, retain, dup
        if topic in self._answers or len(self._heard) < _MOST_HEARD:
            self._heard.add(topic)
            self._came.set()
        if packet_id:
            self._connection.acknowledge((packet_id,))

    async def run(self) -> list[Right]:
        """All questions, one after the other. Raises ConnectError."""
        filters = [one.topic_filter for dialect in self._dialects for one in dialect.filters()]
        downlinks = [] if self._tells else [one for dialect in self._dialects for one in dialect.downlinks()]
        refused = await self._subscribe((*filters, *downlinks), _PROBES)
        probes = dict.fromkeys(probe for dialect in self._dialects for probe in self._probes(dialect))
        self._answers = dict.fromkeys(probes, "not sent")
        await self._publish(list(probes))
        await self._hear({probe for probe, reason in self._answers.items() if not reason})
        if open_ones := [one for one in filters if self._may_read(one, refused)[0] == "unknown"]:
            await self._subscribe(open_ones, _RETAINED)
            await self._hear({"\0"})  # all that comes in that time
        return [right for dialect in self._dialects for right in self._judged(dialect, refused)]

    async def _hear(self, wanted: set[str]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD_S):
                while wanted - self._heard:
                    self._came.clear()
                    await self._came.wait()

    async def _subscribe(self, names: Iterable[str], manner: Manner) -> dict[str, str]:
        """Those that are refused, and why."""
        refused: dict[str, str] = {}
        for name in names:
            try:
                await self._connection.subscribe([name], manner)
            except RefusedFiltersError as error:
                refused |= error.filters
        return refused

    def _probes(self, dialect: Dialect) -> Iterator[str]:
        yield from (_topic(one) for one in dialect.downlinks())
        yield from (probe for one in dialect.filters() if (probe := self._nobodys(one.topic_filter)))

    def _nobodys(self, topic_filter: str) -> str | None:
        """A topic under a filter that no dialect takes for a device's: nothing comes of it."""
        odd = (_topic(topic_filter, levels) for levels in range(1, 8))
        return next((one for one in odd if not isinstance(self._dialects.route(one), Route)), None)

    async def _publish(self, probes: list[str]) -> None:
        for start in range(0, len(probes), _AT_ONCE):
            some = probes[start : start + _AT_ONCE]
            answers = {probe: self._connection.publish(Outgoing(probe, b"")) for probe in some}
            await asyncio.wait(answers.values(), timeout=_PUBLISHED_S)
            for probe, answer in answers.items():
                self._answers[probe] = answer.result() if answer.done() else "no answer in time"
            if self._connection.lost.done():
                raise ConnectError(f"{self._connection.lost.result()}, after we published on {some[0]}")

    # ------------------------------------------------------------------------------------------- judging

    def _judged(self, dialect: Dialect, refused: dict[str, str]) -> Iterator[Right]:
        for one in dialect.filters():
            yield Right(dialect.name, "read", one.topic_filter, *self._may_read(one.topic_filter, refused))
        for name in dialect.downlinks():
            yield Right(dialect.name, "write", name, *self._may_write(_topic(name)))

    def _may_read(self, topic_filter: str, refused: dict[str, str]) -> tuple[Verdict, str]:
        if topic_filter in refused:
            return "no", f"the subscription is refused: {refused[topic_filter]}"
        if any(matches(topic_filter, topic) for topic in self._heard):
            return "yes", ""
        sent = [probe for probe in self._may_have_come if matches(topic_filter, probe)]
        if sent and self._tells:
            return "no", f"the broker took what we published on {sent[0]}, and did not deliver it"
        if sent:
            return "no", _SILENT
        return "unknown", "the subscription is taken, and nothing has come by it yet"

    @property
    def _may_have_come(self) -> Iterator[str]:
        """Probes that the broker ought to deliver, if we may write and read them."""
        if self._tells:
            return (probe for probe, reason in self._answers.items() if not reason)
        return (_topic(one) for dialect in self._dialects for one in dialect.downlinks())

    def _may_write(self, probe: str) -> tuple[Verdict, str]:
        if reason := self._answers.get(probe, ""):
            return "no", reason
        if self._tells or probe in self._heard:
            return "yes", ""
        filters = (one.topic_filter for each in self._dialects for one in each.filters())
        return (
            ("no", _SILENT) if any(matches(one, probe) for one in filters) else ("unknown", "MQTT 3.1.1 does not say")
        )


def _topic(topic_filter: str, levels: int = 1) -> str:
    """A topic that matches the filter; so many levels in the place of ``#``."""
    end = "/".join([_NOBODY] * levels)
    return "/".join(end if level == "#" else _NOBODY if level == "+" else level for level in topic_filter.split("/"))


def lacking(found: Iterable[Right]) -> list[Right]:
    """Those that the broker does not allow, or has not shown to."""
    return [one for one in found if one.verdict != "yes"]
