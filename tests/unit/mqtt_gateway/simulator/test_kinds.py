"""Telemetry is believable and valid: bounded, finite, moving, correlated."""

import json
from random import Random

import pytest

from bridge.dialects.native.payloads import decode
from bridge.observations import Telemetry
from mqtt_gateway.simulator.kinds import KINDS, Kind, Pump, Thermostat, Wander, day_curve

NOON_S = 1_800_014_400 // 86_400 * 86_400 + 43_200


@pytest.mark.parametrize("kind", KINDS)
def test_every_measurement_is_good_telemetry(kind: type[Kind]) -> None:
    device = kind(Random(1))
    for step in range(2_000):
        metrics = device.measure(NOON_S + step * 60.0, 60.0)
        payload = json.dumps(metrics, allow_nan=False).encode()
        assert isinstance(decode("telemetry", "", payload), Telemetry), payload


@pytest.mark.parametrize("kind", KINDS)
def test_values_move(kind: type[Kind]) -> None:
    device = kind(Random(2))
    assert len({json.dumps(device.measure(NOON_S + step, 1.0)) for step in range(20)}) > 15


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_gives_the_same_device(kind: type[Kind]) -> None:
    one, other = kind(Random("7")), kind(Random("7"))
    assert [one.measure(NOON_S + n, 1) for n in range(50)] == [other.measure(NOON_S + n, 1) for n in range(50)]


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_json(kind: type[Kind]) -> None:
    device = kind(Random(3))
    for event in kind.events:
        json.dumps(device.event_data(event), allow_nan=False)


def test_a_room_reaches_its_target_and_follows_a_new_one() -> None:
    device = Thermostat(Random(4))
    for target in (21.0, 17.0, 24.0):
        device.set_point = target
        readings = [device.measure(NOON_S + step * 10, 10.0)["temperature"] for step in range(8_000)]
        assert abs(sum(readings[-500:]) / 500 - target) < 1


def test_a_faster_pump_moves_more_and_shakes_more() -> None:
    device = Pump(Random(5))
    readings = [device.measure(NOON_S + step * 600, 600.0) for step in range(500)]
    slow, fast = sorted(readings, key=lambda one: one["rpm"])[:100], sorted(readings, key=lambda one: one["rpm"])[-100:]
    for metric in ("flow_l_min", "vibration_mm_s", "motor_temperature"):
        assert sum(one[metric] for one in slow) < sum(one[metric] for one in fast)


def test_a_day_has_its_peak() -> None:
    assert day_curve(NOON_S, 12) == pytest.approx(1)
    assert day_curve(NOON_S + 43_200, 12) == pytest.approx(-1)


def test_wandering_keeps_its_spread_whatever_the_steps() -> None:
    for step_s in (1.0, 100.0):
        wander = Wander(Random(6), 2.0, 50.0)
        values = [wander.step(step_s) for _ in range(20_000)]
        deviation = (sum(value**2 for value in values) / len(values)) ** 0.5
        assert 1.5 < deviation < 2.5
