"""The feature of imports: the oldest piece a round, in the transaction of what it does.

::

    manage.py import    inserts pieces (devices.models.ImportPiece), and tells the workers
    find                the first of our shards; the next ones at once, in rounds of their own
    plan                without the records up to where the device is, and those that it has had before
    store               rows, and how far each device is
    follow_up           the piece is done: its payload goes, its result stays for whoever asked

So others' messages are taken between the pieces, and a round takes no longer than its piece.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import json

from devices.models import ImportPiece, ImportPosition
from devices.options import DevicesOptions
from devices.requests.imports import DeviceRecords, Piece, Result, unpack
from devices.rules.reducer import Limits
from devices.worker.effects.feature import Feature
from devices.worker.effects.operations import Effects
from devices.worker.effects.rate_gate import RateGate
from devices.worker.effects.work import Round, RoundWork, ShardWork
from devices.worker.memory.bulk_writes import Table
from devices.worker.memory.shard import Member, Shard
from devices.worker.requests.imports import records
from devices.worker.requests.imports.known import Asked, without_known
from devices.worker.requests.imports.records import NAME, Came, ImportRecords
from devices.worker.retention.imports import OldImports
from devices.worker.retention.scope import PurgeTask
from runtime.databases.statements import Statement

_SWEEP_S: Final = 2.0  # for pieces whose nudge was lost
_LOOK: Final = 2  # pieces: the next one, and whether there are more
_PENDING: Final = Statement(
    "SELECT id, hash %% %s FROM devices_importpiece WHERE NOT is_done AND hash %% %s {among} ORDER BY id LIMIT %s"
)
_POSITIONS: Final = Table(ImportPosition, ("file", "device", "since_rev", "upto"), ("file", "device"), ("upto",))
_encode: Final = json.Encoder().encode


class ImportsFeature(Feature):
    """Carries out pieces of imports.

    Args:
        options: of the installation.
    """

    name = NAME
    operations = (ImportRecords,)
    minds_readings = False

    def __init__(self, options: DevicesOptions) -> None:
        self._of, self._root = options.shards, options.topic_root
        self._limits = Limits(options.max_metrics_per_device, options.retention_days * 86_400_000)
        self._sweeps = RateGate(_SWEEP_S)
        self._more = False  # pieces are left for the next round
        self._found: dict[int, int] = {}  # for the present round: a piece's primary key by shard
        self._refused: dict[int, dict[str, str]] = {}
        self._now_ms = 0

    def forget(self) -> None:
        """What was found is found again."""
        self._found, self._more = {}, True

    def find(self, round_: Round, shards: Sequence[Shard], now_ms: int) -> bool:
        """Whether there are pieces, if there is reason to look."""
        self._found, self._now_ms = {}, now_ms
        nudged = any(one.request_id == 0 for one in round_.requests)
        if not (self._more or nudged or self._sweeps()):
            return False
        rows = _PENDING.rows(self._of, self._of, [shard.number for shard in shards], _LOOK)
        self._found = {number: pk for pk, number in rows[:1]}
        self._more = len(rows) > 1
        return bool(self._found)

    def plan(self, work: RoundWork) -> None:
        """Have the devices undergo their records."""
        self._refused = {}
        if not self._found:
            return
        rows = ImportPiece.objects.filter(pk__in=self._found.values(), is_done=False)
        payloads = {pk: (file, payload) for pk, file, payload in rows.values_list("pk", "file_id", "payload")}
        for number, pk in self._found.items():
            part = work.parts.get(number)
            if part is not None and pk in payloads:
                file, payload = payloads[pk]
                self._plan(part, pk, file, unpack(bytes(payload)))

    def _plan(self, part: ShardWork, number: int, file: int, piece: Piece) -> None:
        members, blocked = part.shard.members, part.shard.blocked
        its = {one.device: one for one in piece.devices if one}
        for key in its.keys() & blocked:
            self._refused.setdefault(number, {})[key] = "blocked"
            del its[key]
        plans = _plans(file, its, members, self._refused.setdefault(number, {}))
        known = without_known({members[key].id: Asked(*one[:2]) for key, one in plans.items() if key in members})
        for key, one in plans.items():
            if key in members:
                one.left_out.known = known.get(members[key].id, 0)
            rest = (self._root, self._now_ms, self._refused)
            part.add(key, ImportRecords(number, file, piece, *one, *rest))

    def apply(self, operation: ImportRecords, effects: Effects) -> None:
        """Change the twin by them."""
        records.apply(operation, effects, self._limits)

    def store(self, effects: Sequence[Effects]) -> None:
        """How far each device is."""
        came = [(one.member.id, its) for one in effects if NAME in one.noted for its in one.noted[NAME]]
        latest = {(its.file, device): (its.since_rev, its.upto) for device, its in came}
        _POSITIONS.write([(*place, *its) for place, its in latest.items()])

    def follow_up(self, work: RoundWork) -> None:
        """The pieces are done."""
        if not self._found:
            return
        results = {pk: Result(refused=self._refused.get(pk, {})) for pk in self._found.values()}
        for _, effects in work.effects():
            its: list[Came] = effects.noted.get(NAME, [])
            for came in its:
                results[came.piece].add(came.result)
        for number, pk in self._found.items():
            done = ImportPiece.objects.filter(pk=pk, is_done=False)
            done.update(is_done=True, payload=b"", result=_encode(results[pk]))
            work.parts[number].touched = True

    def due(self, shards: Sequence[Shard], now_ms: int) -> int | None:
        """At once when some are left."""
        return now_ms if self._more else None

    def purges(self) -> Iterable[PurgeTask]:
        """Imports that are long over."""
        return (OldImports(),)


class _Plan(NamedTuple):
    """For a device."""

    records: DeviceRecords
    since_rev: int
    upto: int
    left_out: Result


def _plans(
    file: int, its: Mapping[str, DeviceRecords], members: Mapping[str, Member], refused: dict[str, str]
) -> dict[str, _Plan]:
    """What is left of the devices' records behind where each is. Those before which some are missing are refused."""
    positions = _positions(file, {members[key].id: key for key in its if key in members})
    plans: dict[str, _Plan] = {}
    for key, one in its.items():
        since_rev, upto = positions.get(key) or (members[key].twin.rev if key in members else 0, -1)
        if upto < one.behind:
            refused[key] = "earlier_refused"
            continue
        left = one.after(upto)
        plans[key] = _Plan(left, since_rev, max(one.last, upto), Result(repeated=one.size - left.size))
    return plans


def _positions(file: int, devices: dict[int, str]) -> dict[str, tuple[int, int]]:
    rows = ImportPosition.objects.filter(file=file, device__in=devices)
    return {devices[pk]: (since, upto) for pk, since, upto in rows.values_list("device_id", "since_rev", "upto")}
