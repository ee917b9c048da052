"""A handler in a shard: each item once and in order, whoever fails; who is in the way waits, others go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from bridge.shards import shard_of
from devices.handlers.calls.attempts import Call
from devices.handlers.calls.failures import CursorLostError
from devices.handlers.items import Item, Reading
from devices.handlers.records.positions import Batch, TooFarError
from devices.handlers.registry import HandlerSpec, Wanted
from devices.handlers.shards.progress import cursor_of, killed
from devices.handlers.shards.room import ROW_BYTES, Room
from devices.handlers.shards.runner import ShardRunner
from devices.models import Handler, HandlerCursor, HandlerDevice, HandlerItem, HandlerTask
from devices.requests import handlers
from mqtt_gateway.models import Incident

AT = datetime(2026, 12, 1, tzinfo=UTC)
NAME = "test.one"
SHARD = shard_of("hall/a", 4)
A, B, C = [key for key in (f"hall/{number}" for number in range(60)) if shard_of(key, 4) == SHARD][:3]

pytestmark = pytest.mark.django_db


class Dies(BaseException):
    """The process dies."""


@dataclass
class World:
    """A log, a handler that takes down what it is handed, and time; processes come and go."""

    items: list[Item] = field(default_factory=list)
    on_failure: Any = "park"
    calls: list[list[str]] = field(default_factory=list)
    breaks_at: Callable[[Any], bool] = lambda _item: False
    dies_at: str = ""  # a step of a transaction
    now_ms: int = 1_000_000
    kept_from: int = 0
    size: int | None = None
    limit_bytes: int = 1_000_000  # of all that waits

    def __post_init__(self) -> None:
        handler = Handler.objects.create(name=NAME, version=1, since_ms=1, kind="Reading", on_failure=self.on_failure)
        self.row = HandlerCursor.objects.create(handler=handler, shard=SHARD, generation=1, owner="me")
        self.begin()

    def begin(self) -> None:
        """A process begins."""
        spec = HandlerSpec(NAME, self.handle, Wanted(Reading), on_failure=self.on_failure)
        self.row.refresh_from_db()
        call = Call(spec, self.row.batch, step=self.step)
        self.runner = ShardRunner(
            spec, cursor_of(self.row), call, self.read, lambda: self.now_ms, lambda: self.now_ms / 1000,
            Room(NAME, lambda: self.now_ms / 1000, self.limit_bytes),
        )  # fmt: skip
        if self.size is not None:
            call.size._usual = self.size

    def step(self, name: str) -> None:
        if name == self.dies_at:
            self.dies_at = ""
            raise Dies

    def handle(self, items: Sequence[Any], tx: Any) -> None:
        self.calls.append([item.key for item in items])
        for item in items:
            state = tx.state(item.device)
            state.setdefault("revs", []).append(item.rev)
            if self.breaks_at(item):
                raise ValueError(f"broken by {item.key}")

    def read(self, shard: int, after: int, most: int) -> Batch:
        assert shard == SHARD
        if after < self.kept_from:
            raise TooFarError(shard, after, self.kept_from)
        found = [item for item in self.items if item.commit > after]
        if len(found) <= most:
            return Batch(found, max((item.commit for item in self.items), default=after))
        last = found[most].commit
        return Batch([item for item in found if item.commit < last], last - 1)

    def happen(self, *devices: str, commit: int | None = None) -> None:
        """A reading of each, in one commit each, or all in one."""
        for device in devices:
            number = commit or max((item.commit for item in self.items), default=0) + 1
            rev = 1 + sum(item.device == device for item in self.items)
            self.items.append(Reading(device, rev, 0, AT, {}, commit=number))

    def run(self, seconds: float = 0.0) -> None:
        """Until nothing is to be done, for so long."""
        until_ms = self.now_ms + round(seconds * 1000)
        while True:
            if not self.runner.run():
                if self.now_ms >= until_ms:
                    return
                self.now_ms += 100

    def seen(self) -> dict[str, list[int]]:
        """What is kept of each device: the revs that it was handed."""
        rows = HandlerDevice.objects.exclude(state={})
        return {row.device: row.state["revs"] for row in rows}

    def cursor(self) -> HandlerCursor:
        self.row.refresh_from_db()
        return self.row


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_handed_over_once_and_the_cursor_moves(world: World) -> None:
    world.happen(A, B, A)
    world.run()
    world.happen(A)
    world.run()
    assert world.seen() == {A: [1, 2, 3], B: [1]}
    assert len(world.calls) == 2
    assert (world.cursor().commit, world.cursor().done, world.cursor().handled) == (4, [], 4)


@pytest.mark.parametrize(
    "step", ["begun", "handled", "commands stored", "desired stored", "state stored", "settled", "committed"]
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_whenever_the_process_dies_each_takes_effect_once(world: World, step: str, size: int) -> None:
    world.happen(A, B, A)
    world.happen(A, B, B, A, C, commit=4)
    world.size = size
    for _ in range(6):
        world.begin()
        world.dies_at = step
        try:
            world.run()
        except Dies:
            continue
    world.begin()
    world.run()
    assert world.seen() == {A: [1, 2, 3, 4], B: [1, 2, 3], C: [1]}
    assert world.cursor().handled == 8


def test_who_has_lost_the_cursor_changes_nothing(world: World) -> None:
    world.happen(A)
    HandlerCursor.objects.update(generation=2)
    with pytest.raises(CursorLostError):
        world.run()
    assert world.seen() == {}


def test_a_device_that_breaks_it_waits_and_the_others_go_on(world: World) -> None:
    world.breaks_at = lambda item: item.device == B and item.rev == 2
    world.happen(*[A, B, C] * 20)
    world.run()
    assert world.seen() == {A: list(range(1, 21)), B: [1], C: list(range(1, 21))}
    parked = HandlerDevice.objects.get(device=B)
    assert parked.parked_ms > 0
    assert parked.why == f"ValueError: broken by reading:{B}@2"
    assert [item.item["rev"] for item in HandlerItem.objects.order_by("pk")] == list(range(2, 21))
    assert world.cursor().commit == 60
    assert world.cursor().why == parked.why


def test_after_the_fix_what_waited_comes_in_order(world: World) -> None:
    world.breaks_at = lambda item: item.device == B
    world.happen(A, B, B, A, B)
    world.run(5)
    assert world.seen() == {A: [1, 2]}
    attempts = HandlerDevice.objects.get(device=B).attempts
    assert attempts > 2
    world.breaks_at = lambda _item: False
    world.happen(B)
    world.begin()
    world.run(120)
    assert world.seen() == {A: [1, 2], B: [1, 2, 3, 4]}
    assert not HandlerItem.objects.exists()
    assert HandlerDevice.objects.get(device=B).parked_ms == 0
    world.happen(B)
    world.run()
    assert world.seen()[B] == [1, 2, 3, 4, 5]


def test_the_next_try_of_a_parked_device_is_ever_later_and_can_be_had_at_once(world: World) -> None:
    world.breaks_at = lambda _item: True
    world.happen(A)
    world.run(400)
    tries = len(world.calls)
    world.run(30)
    assert len(world.calls) <= tries + 1
    world.breaks_at = lambda _item: False
    handlers.replay(NAME)
    world.run(1)
    assert world.seen() == {A: [1]}


def test_dead_letters_let_the_device_go_on_and_can_be_replayed() -> None:
    world = World(on_failure="dead_letter")
    world.breaks_at = lambda item: item.rev == 2
    world.happen(A, A, A)
    world.run(120)
    assert world.seen() == {A: [1, 3]}
    dead = HandlerItem.objects.get()
    assert (dead.dead, dead.item["rev"], dead.why) == (True, 2, f"ValueError: broken by reading:{A}@2")
    assert handlers.report(NAME)[0].dead_letters == 1
    world.breaks_at = lambda _item: False
    assert handlers.replay(NAME) == 1
    world.run(2)
    assert world.seen() == {A: [1, 3, 2]}
    assert not HandlerItem.objects.exists()


def test_a_batch_at_which_the_process_was_killed_is_halved_until_one_device_waits(world: World) -> None:
    world.happen(*[A, B] * 4)
    hanging = f"reading:{A}@3"
    world.breaks_at = lambda item: _hangs(item, hanging)
    for _ in range(20):
        world.begin()
        try:
            world.run()
        except Dies:
            killed(NAME, "me", SHARD, len(world.calls[-1]), world.calls[-1][0], "it took over 30 s")
            HandlerCursor.objects.update(owner="me")
            continue
        break
    assert world.seen() == {A: [1, 2], B: [1, 2, 3, 4]}
    assert HandlerDevice.objects.get(device=A).parked_ms > 0
    assert world.cursor().suspect == ""
    assert world.cursor().failures <= 5


def _hangs(item: Item, hanging: str) -> bool:
    """The process hangs at the item; for here, it dies."""
    if item.key == hanging:
        raise Dies
    return False


def test_too_far_is_told_and_nothing_is_left_out_unasked(world: World) -> None:
    world.happen(A)
    world.run()
    world.happen(A, A, A)
    world.kept_from = 3
    world.run()
    assert world.seen() == {A: [1]}
    told = handlers.report(NAME)[0]
    assert (told.state, told.since_ms > 0) == ("too_far", True)
    handlers.resume(NAME)
    assert world.cursor().begin == "oldest"
    assert handlers.report(NAME)[0].state == "running"


def test_what_is_not_wanted_moves_the_cursor_now_and_then(world: World) -> None:
    world.items = [structs.replace(Reading("yard/z", 1, 0, AT, {}), commit=9)]
    wanted = HandlerSpec(NAME, world.handle, Wanted(Reading, site="hall"))
    world.runner = ShardRunner(
        wanted, cursor_of(world.row), Call(wanted), world.read, lambda: world.now_ms, lambda: world.now_ms / 1000
    )
    world.run()
    assert world.cursor().commit == 0
    world.run(1.5)
    assert world.cursor().commit == 9
    assert world.calls == []


def test_a_handler_that_wants_to_end_the_process_fails(world: World) -> None:
    def leave(_item: Any) -> bool:
        raise SystemExit(3)

    world.breaks_at = leave
    world.happen(A)
    world.run()
    assert HandlerDevice.objects.get().why == "SystemExit: 3"


def test_a_parked_device_that_fails_again_makes_nobody_elses_batches_smaller(world: World) -> None:
    world.breaks_at = lambda item: item.device == A
    world.size = 100
    world.begin()
    world.happen(A, *[B] * 100)
    world.run()
    world.run(30)
    failures = len(world.calls)
    world.happen(*[B] * 60)
    world.run()
    assert len(world.calls[failures:]) == 1
    assert world.seen()[B] == list(range(1, 161))


# ------------------------------------------------------------------------------------------- limits of what waits


def test_what_is_too_much_at_a_parked_device_is_left_out_and_told(world: World) -> None:
    told = incidents()
    world.limit_bytes, world.breaks_at = 16 * 10 * ROW_BYTES, lambda item: item.device == A
    world.begin()
    world.happen(*[A] * 40, B)
    world.run(30)
    row = HandlerDevice.objects.get(device=A)
    waiting = HandlerItem.objects.count()
    assert 4 <= waiting < 10
    assert (row.left_out, row.left_out_ms > 0) == (40 - waiting, True)
    assert world.seen() == {B: [1]}
    assert told() == {"handler_left_out": 40 - waiting}
    world.breaks_at = lambda _item: False
    world.run(120)
    assert world.seen()[A] == list(range(1, waiting + 1))
    world.happen(A)
    world.run(5)
    assert world.seen()[A][-1] == 41
    assert handlers.report(NAME)[0].left_out == 40 - waiting


def test_the_first_item_waits_whatever_its_size(world: World) -> None:
    world.limit_bytes, world.breaks_at = 1_000, lambda item: item.device == A
    world.begin()
    world.happen(A)
    world.run(5)
    assert (HandlerItem.objects.count(), HandlerDevice.objects.get().left_out) == (1, 0)


def test_a_full_handler_takes_no_more_until_what_waits_is_handled(world: World) -> None:
    told = incidents()
    world.limit_bytes = 1_000
    HandlerTask.objects.create(handler_id=NAME, task="x:y", args=["." * 2_000], made_ms=1, due_ms=1)
    world.begin()
    world.happen(A, B)
    world.run(30)
    assert world.calls == []
    assert [(one.state, one.lag >= 0) for one in handlers.report(NAME)] == [("full", True)]
    assert told() == {"handler_full": 1}
    HandlerTask.objects.all().delete()
    world.run(15)
    assert world.seen() == {A: [1], B: [1]}
    assert handlers.report(NAME)[0].state == "running"


def test_being_too_far_is_an_incident(world: World) -> None:
    told = incidents()
    world.kept_from = 5
    world.run(1)
    assert told() == {"handler_too_far": 1}


def incidents() -> Callable[[], dict[str, int]]:
    """Those of the handler, from now on: how often by kind."""
    Incident.objects.all().delete()
    rows = Incident.objects.filter(gateway=f"handler {NAME}")
    return lambda: dict(rows.values_list("kind", "count"))
