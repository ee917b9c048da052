"""What a simulated device does and says, without broker or clock."""

import json
from random import Random
from typing import Any

import pytest

from bridge.dialects.native.payloads import decode
from bridge.observations import CommandAck
from mqtt_gateway.simulator.client import Leave
from mqtt_gateway.simulator.device import Action, Say, SimulatedDevice
from mqtt_gateway.simulator.kinds import AirQuality, Kind, Thermostat

NOW = 1_800_000_000.0


def device(kind: type[Kind] = Thermostat, interval_s: float = 1.0, seed: int = 1) -> SimulatedDevice:
    rng = Random(seed)
    made = SimulatedDevice("thermostat-001", kind(rng), rng, interval_s)
    made.connected(NOW)
    return made


def said(actions: list[Action], suffix: str) -> list[Any]:
    """The JSON of what was said under a suffix."""
    return [json.loads(one.payload) for one in actions if isinstance(one, Say) and one.suffix == suffix]


def later(one: SimulatedDevice, until_s: float) -> list[Action]:
    """All that it does until then."""
    actions: list[Action] = []
    while one.due_s <= until_s:
        actions += one.tick(one.due_s)
    return actions


def test_the_birth_is_retained_and_the_state_complete() -> None:
    rng = Random(1)
    birth, state = SimulatedDevice("x", Thermostat(rng), rng, 2.0).connected(NOW)
    assert birth == Say("status", b"online", retain=True)
    assert isinstance(state, Say)
    reported = json.loads(state.payload)
    examples = {"identify": {}, "reboot": {}, "set_led": {"on": True}, "set_target": {"value": 21.0}}
    assert reported["commands"] == examples
    assert (reported["interval_s"], reported["target"], reported["led"]) == (2.0, 21.0, False)


@pytest.mark.parametrize("interval_s", [0.1, 1.0, 30.0])
def test_it_reports_as_often_as_told(interval_s: float) -> None:
    one = device(interval_s=interval_s)
    assert len(said(later(one, NOW + 100 * interval_s), "telemetry")) in range(99, 102)


def test_it_does_not_catch_up_on_what_it_slept_through() -> None:
    one = device()
    later(one, NOW + 10)
    assert len(said(one.tick(NOW + 500) + one.tick(NOW + 500), "telemetry")) <= 2


def test_a_command_is_accepted_then_done() -> None:
    one = device()
    assert said(one.command("c1", "set_led", b'{"on":true}', NOW), "ack/c1") == [{"status": "accepted"}]
    actions = later(one, NOW + 2)
    assert {"led": True} in said(actions, "state")
    assert said(actions, "ack/c1") == [{"status": "done", "result": {"on": True}}]


def test_a_repeated_command_gets_the_last_answer_and_has_no_second_effect() -> None:
    one = device()
    one.command("c1", "set_target", b'{"value":19}', NOW)
    assert said(one.command("c1", "set_target", b'{"value":19}', NOW), "ack/c1") == [{"status": "accepted"}]
    later(one, NOW + 2)
    again = one.command("c1", "set_target", b'{"value":19}', NOW + 3)
    assert said(again, "ack/c1") == [{"status": "done", "result": {"target": 19.0}}]
    assert said(later(one, NOW + 6), "ack/c1") == []


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("fly", b"", "unknown command fly"),
        ("set_led", b'{"on":1}', "'on' must be true or false"),
        ("set_led", b"[]", "arguments are no JSON object"),
        ("set_led", b"\xff", "arguments are no JSON object"),
        ("set_target", b'{"value":99}', "99 is not within 5.0 and 30.0"),
        ("set_target", b'{"value":true}', "'value' must be a number"),
    ],
)
def test_what_it_cannot_do_it_rejects(name: str, payload: bytes, reason: str) -> None:
    one = device()
    assert said(one.command("c1", name, payload, NOW), "ack/c1") == [{"status": "rejected", "reason": reason}]


def test_a_reboot_breaks_off_and_is_done_afterwards() -> None:
    one = device(interval_s=100)
    assert said(one.command("c1", "reboot", b"", NOW), "ack/c1") == [{"status": "accepted"}]
    (leave,) = [action for action in later(one, NOW + 2) if isinstance(action, Leave)]
    back_s = NOW + 1 + leave.seconds
    one.connected(back_s)
    assert said(later(one, back_s + 5), "ack/c1") == [{"status": "done", "result": {"uptime_s": 1}}]


def test_a_self_test_may_fail() -> None:
    outcomes = set()
    for seed in range(40):
        one = device(AirQuality, seed=seed)
        one.command("c1", "self_test", b"", NOW)
        outcomes |= {ack["status"] for ack in said(later(one, NOW + 10), "ack/c1")}
    assert outcomes == {"done", "failed"}


def test_every_ack_is_what_the_contract_says() -> None:
    one = device()
    acks = one.command("c1", "identify", b"", NOW) + later(one, NOW + 5) + one.command("c2", "nope", b"", NOW)
    payloads = [action.payload for action in acks if isinstance(action, Say) and action.suffix.startswith("ack/")]
    assert len(payloads) == 3
    assert all(isinstance(decode("ack", "c1", payload), CommandAck) for payload in payloads)


def test_desired_state_is_taken_over_and_reported() -> None:
    one = device()
    actions = one.desired(b'{"version":3,"delta":{"target":18.5,"led":true,"interval_s":5,"unknown":1}}')
    assert said(actions, "state") == [{"target": 18.5, "led": True, "interval_s": 5}]
    assert len(said(later(one, NOW + 51), "telemetry")) in range(10, 13)


@pytest.mark.parametrize("payload", [b"", b"[]", b"nonsense", b'{"delta":7}', b'{"version":1,"delta":{}}'])
def test_a_desired_state_without_meaning_changes_nothing(payload: bytes) -> None:
    assert device().desired(payload) == []


def test_an_impossible_target_is_reported_as_it_stays() -> None:
    one = device()
    assert said(one.desired(b'{"delta":{"target":99}}'), "state") == [{"target": 21.0}]


def test_it_has_events_and_drops_off_now_and_then() -> None:
    one = device()
    actions = later(one, NOW + 20_000)
    assert said(actions, "event/button")
    assert any(isinstance(action, Leave) for action in actions)


def test_it_forgets_old_commands() -> None:
    one = device()
    for number in range(200):
        one.command(f"c{number}", "set_led", b'{"on":true}', NOW)
    assert said(one.command("c0", "set_led", b'{"on":true}', NOW), "ack/c0") == [{"status": "accepted"}]
    assert len(one._answers) <= 64
