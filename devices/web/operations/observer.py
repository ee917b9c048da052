"""Finds out what works: asks database and layer, each within seconds, for devices.web.operations.truth to judge."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Final
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.db.models import F
from msgspec.structs import replace

from bridge.gateway_status import Incident
from devices.gateways import gateway_status, record_incident
from devices.models import Installation
from devices.web.operations.truth import MAX_DETAIL, Facts, ShardFacts, Truth, is_written, judge
from runtime.database import DatabaseReaders, DatabaseThread, DatabaseUnavailableError
from runtime.database_clock import clock
from runtime.databases.statements import Statement

LIMIT_S: Final = 2.0  # for the database's answer
LAYER_S: Final = 1.0  # for a message of ours to come back; twice, for it may be a pause of this process's own
_RECENT_S: Final = 2.0
_PATIENCE_S: Final = 1.0  # for another writer
_PROBE: Final = {"type": "readiness.probe"}

# A row a shard; one without, where there are none.
_STATE: Final = Statement("""\
SELECT (SELECT shards FROM devices_installation ORDER BY id LIMIT 1),
  (SELECT COALESCE(MAX(id), 0) FROM devices_device),
  {now_ms}, shard, {now_ms} - beat_ms, beat_ms, up_since_ms, trouble, "commit"
FROM (SELECT 1) AS always LEFT JOIN devices_shardstate ON TRUE
""")


class LayerProbe:
    """Of one event loop: whether the layer for channels brings us a message, and the one for groups takes one."""

    def __init__(self) -> None:
        self._channel = ""

    async def why_not(self) -> str:
        """Why it does not, in the server's words; empty: it does. Within about 2 s."""
        reason = ""
        for _ in range(2):
            try:
                async with asyncio.timeout(LAYER_S):
                    await self._carry()
            except TimeoutError:
                reason = f"no answer within {LAYER_S:g} s"
            except Exception as error:  # noqa: BLE001  whatever the layer's backend raises when it is down
                return (str(error).strip() or type(error).__name__).splitlines()[0][:MAX_DETAIL]
            else:
                return ""
        return reason

    async def _carry(self) -> None:
        layer = get_channel_layer()
        self._channel = self._channel or await layer.new_channel()
        await layer.send(self._channel, _PROBE)
        await layer.receive(self._channel)
        # Nobody is in this group: a subscription for the way back would stay for ever (channels_redis.pubsub has no
        # end of a channel but the cancellation of its receive).
        await get_channel_layer("groups").group_send("readiness", _PROBE)


class WriteProbe:
    """Tries whether the database takes writes, where no beat proves it. One row, which stays as it is."""

    def __init__(self) -> None:
        self._thread = DatabaseThread(
            "write-probe", limit_s=LIMIT_S, connection_name="causeway probe", patience_s=_PATIENCE_S
        )

    async def why_not(self) -> str:
        """Why it does not, in the server's words; empty: it does. Within 2 s."""
        try:
            await self._thread.run(_write)
        except DatabaseUnavailableError as error:
            return str(error)
        return ""

    async def record(self, incidents: Iterable[Incident]) -> None:
        """Store incidents, or extend them. One that can't be is told again."""
        with contextlib.suppress(DatabaseUnavailableError):
            for one in incidents:
                await self._thread.run(record_incident, one)

    def close(self) -> None:
        """End the thread when it answers."""
        self._thread.close()


def _write() -> None:
    with transaction.atomic():  # there and back: SQLite writes nothing where a row gets what it has
        Installation.objects.update(shards=F("shards") + 1)
        Installation.objects.update(shards=F("shards") - 1)


def read_facts(count: int) -> Facts:
    """What the tables say, and what time it is. Synchronous; two short queries.

    Args:
        count: how many shards this process was started with.
    """
    asked_ns, kept, newest_pk, shards = clock.asking(), None, 0, []
    for kept, newest_pk, now_ms, *shard in _STATE.rows():  # noqa: B007
        clock.told(now_ms, asked_ns)
        shards += [ShardFacts(*shard)] if shard[0] is not None else []
    return Facts(count=count, kept=kept, shards=shards, gateways=gateway_status(), newest_pk=newest_pk)


async def with_write(facts: Facts, probe: WriteProbe) -> Facts:
    """The facts, and whether the database takes writes, which is tried only where no beat proves it."""
    return facts if is_written(facts) else replace(facts, unwritten=await probe.why_not())


async def _observe() -> Truth:
    layer = asyncio.create_task(LayerProbe().why_not())
    readers, probe = DatabaseReaders("readiness", threads=1, limit_s=LIMIT_S), WriteProbe()
    try:
        facts = await with_write(await readers.run(read_facts, settings.DEVICES.shards), probe)
    except DatabaseUnavailableError as error:
        facts = Facts(unread=str(error), count=settings.DEVICES.shards)
    finally:
        readers.close()
        probe.close()
    return judge(replace(facts, unheard=await layer))


_latest: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[float, Truth]] = WeakKeyDictionary()


def publish(truth: Truth) -> None:
    """Let others in this event loop know what its survey has just found out."""
    _latest[asyncio.get_running_loop()] = time.monotonic(), truth


async def latest() -> Truth:
    """What this event loop's survey said within the last two seconds; else a look of our own."""
    at_s, truth = _latest.get(asyncio.get_running_loop(), (0.0, None))
    if truth is not None and time.monotonic() - at_s < _RECENT_S:
        return truth
    return await observe()


_observing: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Truth]] = WeakKeyDictionary()


async def observe() -> Truth:
    """What works as of now; all who ask meanwhile share one look. Within about 4 s."""
    loop = asyncio.get_running_loop()
    observing = _observing.get(loop)
    if observing is None or observing.done():
        observing = _observing[loop] = loop.create_task(_observe())
    return await asyncio.shield(observing)
