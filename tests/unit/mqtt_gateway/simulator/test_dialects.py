"""What simulated devices of a dialect say is understood by it, and what it has them told they do: without a broker."""

import msgspec
import pytest

from bridge.dialects.dialect import Command, Refused, Rendered
from bridge.topic_filters import matches
from mqtt_gateway.simulator.client import Action, Client, Leave, Publish
from mqtt_gateway.simulator.dialects import NAMES, clients
from mqtt_gateway.simulator.options import SimulatorOptions
from tests.support.dialects.commands import COMMAND_ID, end_of
from tests.support.dialects.player import Player
from tests.support.dialects.rows import Row
from tests.support.dialects.spoken import SPOKEN

START_S = 1_795_945_000.0
FOREIGN = [name for name in NAMES if name != "native"]


class House:
    """Simulated clients, and a dialect that hears them."""

    def __init__(self, dialect: str) -> None:
        self.clients: list[Client] = list(clients(SimulatorOptions(dialect=dialect, devices=4, rate=0.2, seed=1)))
        self.player = Player(SPOKEN[dialect].dialect(), written=True)
        self.now_s, self.left, self.heard = START_S, 0, 0

    def pass_s(self, seconds: float) -> None:
        """Let time go by, and what is asked be answered."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            for client in self.clients:
                self._say(client, client.tick(self.now_s))
            self.now_s += 0.25
            for source, state in list(self.player.states.items()):
                due = self.player.dialect.due(state, round(self.now_s * 1000))
                if due.state is not None:
                    self.player.states[source] = due.state
                for one in due.publications:
                    self.publish(one.topic, one.payload)

    def publish(self, topic: str, payload: bytes) -> None:
        """What Causeway publishes reaches those that subscribe to it."""
        for client in self.clients:
            if any(matches(one, topic) for one in client.filters):
                self._say(client, client.message(topic, payload, self.now_s))

    def begin(self) -> None:
        """All connect."""
        for client in self.clients:
            self._say(client, client.connected(self.now_s))

    def _say(self, client: Client, actions: list[Action]) -> None:
        for one in actions:
            if isinstance(one, Leave):
                self.left += 1
                self._hear(client.will)
            else:
                self._hear(one)

    def _hear(self, one: Publish) -> None:
        self.heard += 1
        now_ms = round(self.now_s * 1000)
        self.player.play([Row(self.heard, one.topic, one.payload, one.retain, stored=False, received_ms=now_ms)])

    def command(self, device: str, name: str, args: dict[str, object]) -> str:
        """How a command ends within five minutes; "" if it doesn't."""
        state = self.player.states[device.partition("~")[0]]
        now_ms = round(self.now_s * 1000)
        command = Command(COMMAND_ID, name, msgspec.json.encode(args), now_ms + 300_000)
        rendered = self.player.dialect.render(state, device, command, now_ms)
        assert isinstance(rendered, Rendered), rendered
        before = len(self.player.said)
        for one in rendered.publications:
            self.publish(one.topic, one.payload)
        for _ in range(60):
            if ended := end_of(rendered, self.player.said[before:]):
                return ended
            self.pass_s(5)
        return ""


@pytest.fixture(params=FOREIGN)
def house(request: pytest.FixtureRequest) -> House:
    made = House(request.param)
    made.begin()
    made.pass_s(130)
    return made


def test_all_are_there_and_described(house: House) -> None:
    assert len(house.player.twins) >= len(house.clients)
    for device, twin in house.player.twins.items():
        assert twin.presence.status == "online", device
        assert house.player.descriptions[device].properties, device


def test_nothing_that_they_say_is_wrong_or_unknown(house: House) -> None:
    wrong = {outcome for outcome in house.player.outcomes.values() if outcome} - {"not subscribed", "own_downlink"}
    assert not wrong
    assert not [one for one in house.player.happened if type(one.what).__name__ == "Malformed"]


def test_every_property_that_can_be_set_is_set(house: House) -> None:
    tried = 0
    for device, description in list(house.player.descriptions.items()):
        for one in description.properties:
            if one.settable and one.kind in {"boolean", "number"}:
                value: object = True if one.kind == "boolean" else one.high
                assert house.command(device, "set", {one.metric: value}) == "done", (device, one)
                tried += 1
    assert tried >= 2


def test_what_is_impossible_is_refused(house: House) -> None:
    for device in house.player.descriptions:
        state = house.player.states[device.partition("~")[0]]
        for name, args in (("set", {"no such thing": 1}), ("set", {}), ("no_such_command", {})):
            command = Command(COMMAND_ID, name, msgspec.json.encode(args), 2**42)
            assert isinstance(house.player.dialect.render(state, device, command, 0), Refused)
