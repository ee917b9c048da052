"""JSON with members of any kind where another should be: nothing raises, and states stay writable."""

import json
import random
from typing import Any

import msgspec
import pytest

from bridge.dialects.dialect import Command, State
from bridge.dialects.shelly import prompts
from bridge.dialects.shelly.model import Asked, Now, Shelly
from tests.support.dialects.player import Player
from tests.support.dialects.rows import Row, rows
from tests.support.dialects.spoken import by_corpus

CORPORA = by_corpus()
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, 2**63, 10**30, "", "x", "\0", "a/b", "a/+/b", "~", "~/x", "{{ value", [], {}, [[]],
    [None], [{}], {"x": {}}, {"": 1}, {"a.b": [1]}, "é" * 300, ["a", 7, None], [["mac"]], [["mac", None]],
    "{{ value_json.a.b }}",
)  # fmt: skip
NAMES = ("~", "dev", "cmps", "name", "features", "x")


def mutated(value: Any, rng: random.Random, chance: float) -> Any:
    """The value with some of its members replaced, left out or renamed."""
    if rng.random() < chance:
        return rng.choice(ODD)
    if isinstance(value, dict):
        kept = {key: mutated(one, rng, chance) for key, one in value.items() if rng.random() > chance / 2}
        return kept | ({rng.choice(NAMES): rng.choice(ODD)} if rng.random() < chance else {})
    if isinstance(value, list):
        return [mutated(one, rng, chance) for one in value]
    return value


def is_object(row: Row) -> bool:
    try:
        return isinstance(json.loads(row.payload), dict | list)
    except ValueError:
        return False


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("chance", [0.02, 0.2])
def test_members_of_any_kind(corpus: str, chance: float) -> None:
    rng, played = random.Random(3), rows(corpus)
    player = Player(CORPORA[corpus].dialect(), written=True).play(played)
    for row in played:
        if is_object(row):
            for _ in range(12):
                payload = json.dumps(mutated(json.loads(row.payload), rng, chance)).encode()
                player.play([msgspec.structs.replace(row, payload=payload)])
    player.play(played)
    for device in player.descriptions:
        ask_odd_things(player, device)


def ask_odd_things(player: Player, device: str) -> None:
    """Describe it, and have odd commands rendered."""
    state = player.states[device.partition("~")[0]]
    description = player.dialect.describe(state, device)
    names = [one.metric for one in description.properties] if description else []
    actions = [one.name for one in description.actions] if description else []
    for odd in ODD:
        for name, args in (("set", dict.fromkeys(names, odd)), *(("set", {name: odd}) for name in names)):
            player.dialect.render(state, device, command(name, args), 0)
        for action in actions:
            player.dialect.render(state, device, command(action, {"value": odd, "time": odd}), 0)
            player.dialect.render(state, device, command(action, {}), 0)


def command(name: str, args: dict[str, Any]) -> Command:
    return Command("0d9bb5a2-6a0c-4f5e-8d0e-1f2a3b4c5d6e", name, msgspec.json.encode(jsonable(args)), 2**42)


def jsonable(args: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in args.items() if not (isinstance(one, int) and abs(one) >= 2**64)}


def test_a_shelly_that_shows_to_be_of_another_generation_is_asked_what_that_one_knows() -> None:
    asked = {name: Asked(0) for name in ("announce", "update", "describe", "status_update")}
    for gen, payloads in ((1, [b"announce", b"update"]), (2, [b"describe", b"status_update"])):
        due = prompts.due(State(Shelly(prefix="x", gen=gen), Now(asked)), 1)
        assert [word in one.payload for word, one in zip(payloads, due.publications, strict=True)] == [True, True]
        assert due.state is not None
        assert not {"announce", "update"} & due.state.live.asked.keys()
