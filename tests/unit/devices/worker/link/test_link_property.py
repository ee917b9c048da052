"""Whatever is lost, repeated, reordered or killed: twins and readings are those of a perfect layer.

Each delivery takes effect once, each device's in the broker's order; PUBACKs leave in the order of arrival and only
after the commit; the ledger is balanced after every commit; the windows are kept. The world and its checks are in
tests/support/worlds/link_world.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.redelivery import DeliveryHistory
from devices.rules.twin import TwinState
from devices.worker.effects.rate_gate import RateGate
from devices.worker.link import delivery_history
from mqtt_gateway.rules import lanes, shard_queue
from tests.support.worlds.deliveries import key_in
from tests.support.worlds.ingest_worker import Worker, twin_of
from tests.support.worlds.link_banks import KeeperBank, PureBank
from tests.support.worlds.link_world import CONTENTS, WINDOW, World

DEVICES = (key_in(0), key_in(0, nth=1), key_in(1), key_in(1, name="unreliable-"))
Step = tuple[str, int]

_NUMBERS = range(7)
HEALTHY = ("receive", "send", "deliver", "work", "acknowledge", "confirm", "connect", "resend")
LAYER = ("repeat", "delay", "come_late", "lose", "repeat_acknowledgement", "lose_acknowledgement")
LONG = ("turn", "relapse")
DEATHS = ("kill_gateway", "disconnect", "kill_worker", "fail", "work_unheard")


def steps_of(code: bytes, kinds: Sequence[int]) -> Iterator[Step]:
    """A byte a step (which hypothesis draws and shrinks fast), nought for none.

    Args:
        code: the steps.
        kinds: of messages that are published; the fewer, the more likely one is mistaken for another.
    """
    table: list[Step] = [("nothing", 0)]
    table += [("publish", kinds[number % len(kinds)]) for number in range(60)]
    table += [("flow", number) for number in _NUMBERS] * 8
    table += [(step, number) for step in HEALTHY for number in _NUMBERS]
    table += [(step, number) for step in LAYER for number in (0, 1)]
    table += [(step, number) for step in DEATHS for number in (0, 1)] * 3
    table += [("lose_session", 0)] * 2 + [("turn", 0), ("turn", 1), ("turn", 0), ("relapse", 4), ("relapse", 9)]
    return (table[byte % len(table)] for byte in code)


def run(world: World, steps: Iterable[Step]) -> World:
    for step, number in steps:
        world.do(step, number)
    world.heal()
    return world


KINDS = {"all kinds": range(20), "two devices": (0, 8), "one kind": (0,)}
# A shard goes on to the third connection, and forgets the first, before another one has seen the second.
LAGGING = bytes([217, 218, 195, 251, 70, 1, 195]), bytes([217, 218, 1, 2, 195, 63, 179, 195])


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
@settings(max_examples=250)
@given(code=st.binary(min_size=150, max_size=150))
@example(code=LAGGING[0])
@example(code=LAGGING[1])
def test_each_delivery_takes_effect_once_and_in_order(kinds: Sequence[int], code: bytes) -> None:
    bank = PureBank()
    run(World(bank, DEVICES), steps_of(code, kinds)).check(bank.applied)


@pytest.mark.parametrize("kinds", [range(20), (0, 2, 8, 10)], ids=["all kinds", "two devices"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=st.binary(min_size=150, max_size=150))
def test_so_does_each_that_others_overtake(monkeypatch: pytest.MonkeyPatch, kinds: Sequence[int], code: bytes) -> None:
    """Telemetry counts as large here."""
    size = len(f"devices/{DEVICES[0]}/telemetry") + len('{"t":0}') + shard_queue.OVERHEAD_BYTES
    monkeypatch.setattr(shard_queue, "LARGE_BYTES", size - 1)
    monkeypatch.setattr(lanes, "LANES_BYTES", 20 * size)
    bank = PureBank()
    run(World(bank, DEVICES), steps_of(code, kinds)).check(bank.applied)


@pytest.fixture
def few_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keepers do little beside batches, of which there are many; and their window is the world's."""
    monkeypatch.setattr(RateGate, "__call__", lambda self: False)
    monkeypatch.setattr(delivery_history, "DeliveryHistory", partial(DeliveryHistory, window=WINDOW))
    monkeypatch.setattr(delivery_history, "_FORGET_AT_LEAST", 1)


@pytest.mark.django_db
@pytest.mark.usefixtures("few_sweeps")
@pytest.mark.parametrize("kinds", [(0, 8), (0, 1, 2, 3, 8, 9, 10, 12, 13)], ids=["telemetry", "state too"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=st.binary(min_size=60, max_size=60))
def test_readings_and_twins_are_those_of_a_perfect_layer(kinds: Sequence[int], code: bytes) -> None:
    with transaction.atomic():
        bank = KeeperBank("gateway")
        only_readings = {CONTENTS[kind % len(CONTENTS)][0] for kind in kinds} == {"telemetry"}
        without = LONG if only_readings else (*LONG, "lose_session")  # whose readings alone tell what took effect
        world = run(World(bank, DEVICES), (one for one in steps_of(code, kinds) if one[0] not in without))
        _compare(world, bank.applied)
        transaction.set_rollback(True)


def _compare(world: World, readings: dict[str, list[int]]) -> None:
    """With what a worker makes of the same messages, each delivered once."""
    world.check(readings, topic="telemetry")
    seen = {serial for serials in readings.values() for serial in serials}
    uncertain = world.broker.forgotten | {one.serial for one in world.published if not one.qos}
    applied = [one for one in world.published if one.device and (one.serial in seen or one.serial not in uncertain)]
    Worker("straight").hear(*(one.delivered(device=f"{one.device}-straight") for one in applied))
    for device in {one.device for one in applied}:
        assert _but_for_its_gateway(device) == _but_for_its_gateway(f"{device}-straight")


def _but_for_its_gateway(device: str) -> TwinState:
    twin = twin_of(device)
    twin.gateway = ""  # the straight way goes by another
    return twin
