"""causeway.testing, and by it what a handler's transaction does."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group

from causeway import Event, Reading, on
from causeway.testing import assert_exactly_once, feed
from devices.models import Command, Device, HandlerDevice, HandlerTask, Request
from devices.requests.refusals import BadRequestError
from devices.requests.registry import register_device

AT = datetime(2026, 12, 1, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("handlers")]


def reading(device: str, rev: int, **metrics: Any) -> Reading:
    return Reading(device, rev, rev * 60_000, AT, metrics)


@pytest.fixture
def plant(irrigation: None) -> Any:
    from tests.apps.irrigation.models import Plant

    return Plant.objects.create(device=register_device("hall/fern"), dry_below=30)


def test_the_example_waters_what_is_dry(plant: Any) -> None:
    from tests.apps.irrigation.causeway import irrigate
    from tests.apps.irrigation.models import Watering

    items = [
        reading("hall/fern", 1, moisture=29),
        reading("hall/fern", 2, moisture=31),
        reading("hall/rose", 3, moisture=1),
    ]
    assert feed(irrigate, [*items, reading("hall/fern", 4, t=3), Event("hall/fern", 5, "moved", None, 0)]) == 3
    assert list(Watering.objects.values_list("rev", "moisture")) == [(1, 29.0)]
    command = Command.objects.get()
    assert (command.name, command.args, command.created_by) == ("open_valve", {"s": 20}, "app:irrigation.irrigate")


def test_the_example_does_so_exactly_once(plant: Any) -> None:
    from tests.apps.irrigation.causeway import irrigate
    from tests.apps.irrigation.models import Watering

    assert_exactly_once(irrigate, [reading("hall/fern", rev, moisture=rev) for rev in (28, 29, 31)])
    assert not Watering.objects.exists()
    assert not Command.objects.exists()


def test_the_same_key_is_one_command_for_each_device() -> None:
    @on(Reading, name="keyed")
    def keyed(items: Any, tx: Any) -> None:
        for one in items:
            tx.command(one.device, "blink", {"n": 1}, key="once")

    feed(keyed, [reading("hall/a", 1, t=1), reading("hall/b", 1, t=1), reading("hall/a", 2, t=1)])
    feed(keyed, [reading("hall/a", 3, t=1)])
    assert sorted(Command.objects.values_list("device__key", flat=True)) == ["hall/a", "hall/b"]


def test_a_device_that_is_gone_gets_no_command() -> None:
    @on(Reading, name="gone")
    def gone(items: Any, tx: Any) -> None:
        tx.command("hall/nobody", "blink", key="k")

    assert feed(gone, [reading("hall/a", 1, t=1)]) == 1
    assert not Command.objects.exists()


def test_what_raises_leaves_nothing_behind() -> None:
    @on(Reading, name="raising")
    def raising(items: Any, tx: Any) -> None:
        Group.objects.create(name="mine")
        tx.state(items[0].device)["n"] = 1
        tx.desired(items[0].device, {"on": True})
        tx.command(items[0].device, "blink", key="k")
        raise RuntimeError("as meant")

    with pytest.raises(RuntimeError, match="as meant"):
        feed(raising, [reading("hall/a", 1, t=1)])
    for model in (Group, HandlerDevice, Request, Command):
        assert not model.objects.exists()


def later(_number: int) -> None:
    """What a handler wants done later."""


def test_an_async_handler_works_in_the_same_transaction() -> None:
    @on(Reading, name="awaiting")
    async def awaiting(items: Any, tx: Any) -> None:
        for one in items:
            await Group.objects.acreate(name=one.key)
            tx.state(one.device)["n"] = tx.state(one.device).get("n", 0) + one.metrics["t"]
            tx.desired(one.device, {"level": one.rev})
            tx.later(later, one.rev)

    items = [reading("hall/a", 1, t=2), reading("hall/a", 2, t=3)]
    assert_exactly_once(awaiting, items)
    assert not Group.objects.exists()
    feed(awaiting, items)
    assert Group.objects.count() == 2
    assert HandlerDevice.objects.get().state == {"n": 5}
    assert [one.body["patch"] for one in Request.objects.order_by("pk")] == [{"level": 1}, {"level": 2}]
    assert [(one.task, one.args) for one in HandlerTask.objects.order_by("pk")] == [
        (f"{__name__}:later", [1]),
        (f"{__name__}:later", [2]),
    ]


def test_a_handler_that_minds_how_its_items_are_cut_is_found_out() -> None:
    @on(Reading, name="cut")
    def cut(items: Any, _tx: Any) -> None:
        Group.objects.create(name=items[-1].key)

    with pytest.raises(AssertionError, match=r"cut, one by one: auth.Group differs[\s\S]*more: .*hall/a@1"):
        assert_exactly_once(cut, [reading("hall/a", 1, t=1), reading("hall/a", 2, t=1)])


def test_a_handler_that_remembers_by_itself_is_found_out() -> None:
    seen: list[str] = []

    @on(Reading, name="remembering")
    def remembering(items: Any, _tx: Any) -> None:
        for one in items:
            if one.key not in seen:
                seen.append(one.key)
                Group.objects.create(name=one.key)

    with pytest.raises(AssertionError, match="missing"):
        assert_exactly_once(remembering, [reading("hall/a", 1, t=1)])


def test_a_window_ends_with_the_latest_reading_and_knows_none_after_it() -> None:
    means: list[Any] = []

    @on(Reading, name="averaging", metric="t")
    def averaging(items: Any, tx: Any) -> None:
        window = tx.window("hall/a", "2m", metric="t")
        means.append((window.count, window.mean(), window.min(), window.max(), window.last))

    items = [reading("hall/a", rev, t=rev) for rev in range(1, 5)]
    feed(averaging, items)
    feed(averaging, items[:2])
    assert means == [(2, 3.5, 3, 4, 4), (2, 1.5, 1, 2, 2)]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda tx: tx.command("hall", "blink", key="k"), BadRequestError),
        (lambda tx: tx.command("hall/a", "a b", key="k"), BadRequestError),
        (lambda tx: tx.command("hall/a", "blink", [1], key="k"), BadRequestError),
        (lambda tx: tx.command("hall/a", "blink", key=""), BadRequestError),
        (lambda tx: tx.desired("hall/a", [1]), BadRequestError),
        (lambda tx: tx.later(lambda: None), ValueError),
        (lambda tx: tx.later(later, object()), ValueError),
        (lambda tx: tx.state("hall/b"), ValueError),
        (lambda tx: tx.state("hall/a").update(n={1, object()}), ValueError),
        (lambda tx: tx.window("hall/a", "5 minutes", metric="t"), ValueError),
        (lambda tx: tx.window("hall/b", "5m", metric="t"), ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Any, error: type[Exception]) -> None:
    @on(Reading, name="wrong")
    def asking(_items: Any, tx: Any) -> None:
        wrong(tx)

    with pytest.raises(error):
        feed(asking, [reading("hall/a", 1, t=1)])


def test_a_long_key_of_a_command_is_as_good_as_a_short_one() -> None:
    @on(Reading, name="long")
    def long(_items: Any, tx: Any) -> None:
        for key in ("k" * 300, "k" * 301, "k" * 300):
            tx.command("hall/a", "blink", key=key)

    feed(long, [reading("hall/a", 1, t=1)])
    assert Command.objects.count() == 2
    assert Device.objects.count() == 1
