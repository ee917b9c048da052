"""What must be true once some rows of a corpus were played: a line of ``<corpus>.expected.jsonl``.

rows         "1-14": played from the first row of the corpus up to the last one named; events are those of these rows
device       whose; ``<hash>`` stands for ten hex digits. Without one only the members below that name none
name, description       of its description; ``description`` is an object with some of its members
metrics, units, labels  by metric, some of them. A null may also be missing where stored messages came first
stamps       the metrics' times, Unix ms
settable, actions       some: "dose", "dose 5…250 step 5", "mode off|auto", "horn(short|long)"
presence     "online (birth)", "offline (will)": status and why
reported     some members of its reported state
events       [name] or [name, data]: data has at least these members
never        metrics that it has not, and properties: globs
no_events    events that it has not, in these rows
outcomes     by row: why nothing was said ("" where something was)
answers      to commands: {id, status, and reason or result}
prompts      what was asked because of these rows: {topic, payload}, the latter a part of it
wanted       filters that follow from what was said
readings     how many were stored from these rows
made         all devices there are
note, not, presence_note     for people
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from bridge.descriptions import Action, Description, Property
from bridge.dialects.dialect import Publication
from devices.rules.reducer import NewReading
from tests.support.dialects.player import Player, values

_FOR_PEOPLE = {"note", "not", "presence_note", "stored_first"}


def last_row(expected: Mapping[str, Any]) -> int:
    """Up to which row an expectation is about."""
    return max(map(int, re.findall(r"\d+", expected["rows"])))


def check(player: Player, expected: Mapping[str, Any], *, stored_first: bool = False, doubled: bool = False) -> None:
    """Assert that it is true.

    Args:
        player: has played the rows.
        expected: an expectation.
        stored_first: what is retained came from the broker's store first: then presence, events, readings and times
            are others.
        doubled: each message came twice: readings are not counted.
    """
    numbers = [int(number) for number in re.findall(r"\d+", expected["rows"])]
    about = _Check(player, numbers[0], numbers[-1], stored_first)
    device = _device(player, expected.get("device", ""))
    for member, value in expected.items():
        if member not in _FOR_PEOPLE | {"rows", "device"} | ({"readings"} if doubled else set()):
            getattr(about, member)(device, value)


def _device(player: Player, pattern: str) -> str:
    key = _key(pattern)
    found = [one for one in {**player.twins, **player.descriptions} if key.fullmatch(one)]
    assert found or not pattern, f"no device {pattern} among {sorted({**player.twins, **player.descriptions})}"
    assert len(found) < 2, found
    return found[0] if found else ""


def _key(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace("<hash>", "[0-9a-f]{10}"))


class _Check:
    """One method for each member of an expectation."""

    def __init__(self, player: Player, first: int, last: int, stored_first: bool) -> None:
        self.player, self.rows, self.stored_first = player, range(first, last + 1), stored_first

    def name(self, device: str, name: str) -> None:
        assert self._description(device).name == name

    def description(self, device: str, members: dict[str, Any]) -> None:
        is_like(
            msgspec.to_builtins(self._description(device)) | {"withdrawn": self._description(device).withdrawn}, members
        )

    def metrics(self, device: str, metrics: dict[str, Any]) -> None:
        found = values(self.player, device)
        for name, value in metrics.items():
            if value is None and self.stored_first and name not in found:
                continue
            assert name in found, f"{device} has no {name} among {sorted(found)}"
            assert same(found[name], value), f"{name} is {found[name]!r}, not {value!r}"

    def units(self, device: str, units: dict[str, str]) -> None:
        found = {one.metric: one.unit for one in self._description(device).properties}
        assert {name: found.get(name) for name in units} == units

    def labels(self, device: str, labels: dict[str, str]) -> None:
        found = {one.metric: one.label for one in self._description(device).properties}
        assert {name: found.get(name) for name in labels} == labels

    def stamps(self, device: str, stamps: dict[str, int]) -> None:
        if not self.stored_first:
            assert {name: self.player.twins[device].metrics[name].ts for name in stamps} == stamps

    def settable(self, device: str, settable: list[str]) -> None:
        properties = {one.metric: one for one in self._description(device).properties if one.settable}
        for text in settable:
            metric, _, what = text.partition(" ")
            assert metric in properties, f"{metric} is not among {sorted(properties)}"
            is_limited(properties[metric], what)

    def actions(self, device: str, actions: list[str]) -> None:
        found = {one.name: one for one in self._description(device).actions}
        for text in actions:
            name, _, what = text.rstrip(")").partition("(")
            assert name in found, f"{name} is not among {sorted(found)}"
            assert not what or takes(found[name], what), f"{found[name]} has no argument {what}"

    def presence(self, device: str, presence: str) -> None:
        if self.stored_first:
            return
        twin = self.player.twins[device]
        status, why = twin.presence.status, twin.presence.why
        dying = twin.unconfirmed is not None
        found = "offline (will)" if dying else f"{status} ({why})"
        assert found.startswith(presence), found

    def reported(self, device: str, members: dict[str, Any]) -> None:
        is_like(self.player.twins[device].reported.value, members)

    def events(self, device: str, events: list[list[Any]]) -> None:
        found = [(name, data) for row, name, data in self.player.events(device) if row in self.rows]
        for name, *data in events:
            assert any(one == name and (not data or _is_part(data[0], what)) for one, what in found), (
                name,
                data,
                found,
            )

    def never(self, device: str, patterns: list[str]) -> None:
        known = self.player.descriptions.get(device, Description()).properties
        names = {*values(self.player, device), *(one.metric for one in known)}
        assert not [name for name in names for pattern in patterns if fnmatchcase(name, pattern)]

    def no_events(self, device: str, names: list[str]) -> None:
        assert not [name for row, name, _ in self.player.events(device) if row in self.rows and name in names]

    def outcomes(self, _device: str, outcomes: dict[str, str]) -> None:
        if not self.stored_first:
            assert {row: self.player.outcomes[int(row)] for row in outcomes} == outcomes

    def answers(self, _device: str, answers: list[dict[str, Any]]) -> None:
        found = [
            {"id": one.command_id, "status": one.status, "reason": one.reason, "result": one.result}
            for one in self.player.answers()
        ]
        for answer in answers:
            assert any(_is_part(answer, one) for one in found), (answer, found)

    def prompts(self, _device: str, prompts: list[dict[str, str]]) -> None:
        found = [one.what for one in self.player.happened if one.row in self.rows and isinstance(one.what, Publication)]
        for prompt in prompts:
            assert any(
                one.topic == prompt["topic"] and prompt.get("payload", "").encode() in one.payload for one in found
            ), (prompt, found)

    def wanted(self, _device: str, topics: list[str]) -> None:
        found = {one.topic_filter for filters in self.player.broker.wanted.values() for one in filters}
        assert set(topics) <= found, found

    def readings(self, device: str, count: int) -> None:
        found = [one for one in self.player.happened if one.device == device and one.row in self.rows]
        made = [one for one in found if isinstance(one.what, NewReading)]
        assert self.stored_first or len(made) == count, made

    def made(self, _device: str, devices: list[str]) -> None:
        patterns = [_key(one) for one in devices]
        strangers = [key for key in self.player.twins if not any(one.fullmatch(key) for one in patterns)]
        assert not strangers
        assert len(self.player.twins) == len(devices), (sorted(self.player.twins), devices)

    def _description(self, device: str) -> Description:
        assert device in self.player.descriptions, f"{device} was never described"
        return self.player.descriptions[device]


def same(found: Any, value: Any) -> bool:
    """Whether two scalars are the same, true not being 1; numbers to nine digits."""
    if isinstance(value, bool) or isinstance(found, bool):
        return found is value
    if isinstance(value, int | float) and isinstance(found, int | float):
        return abs(found - value) <= 1e-9 * max(1.0, abs(value))
    return bool(found == value)


def is_like(found: dict[str, Any], members: dict[str, Any]) -> None:
    """Assert that an object has these members."""
    assert _is_part(members, found), (members, found)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and _is_part(one, whole[key]) for key, one in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(_is_part, part, whole))
    return same(whole, part)


def is_limited(one: Property, what: str) -> None:
    """Assert a property's range ("5…250 step 5") or words ("off|auto")."""
    if "…" in what:
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", what)]
        assert [one.low, one.high, one.step][: len(numbers)] == numbers, one
    elif what:
        assert list(one.values) == what.split("|"), one


def takes(action: Action, what: str) -> bool:
    """Whether an action has an argument of these words ("short|long")."""
    return any(list(argument.values) == what.split("|") for argument in action.args)
