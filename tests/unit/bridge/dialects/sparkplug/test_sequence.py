"""Lost messages, rebirths asked for seldom enough, and what is believed meanwhile."""

from typing import Any

import pytest

from bridge.dialects.dialect import Base, State
from bridge.dialects.forms.protobuf import bytes_field, double_field, number_field
from bridge.dialects.sparkplug import payloads
from bridge.dialects.sparkplug.dialect import SparkplugDialect
from bridge.observations import Doubted, Telemetry
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row

NOW_MS = 1_795_944_900_000
NODE = "plant/g.n"


def birth(seq: int, aliases: dict[str, int], bd_seq: int = 0) -> bytes:
    metrics = [payloads.metric("bdSeq", NOW_MS, 8, bd_seq)] if bd_seq >= 0 else []
    metrics += [payloads.metric(name, NOW_MS, 10, 1.0) + number_field(2, alias) for name, alias in aliases.items()]
    return payloads.encode(NOW_MS, metrics) + number_field(3, seq)


def data(seq: int, alias: int, value: float) -> bytes:
    metric = number_field(2, alias) + double_field(13, value)
    return number_field(1, NOW_MS) + bytes_field(2, metric) + number_field(3, seq)


def death(bd_seq: int) -> bytes:
    return payloads.encode(NOW_MS, [payloads.metric("bdSeq", NOW_MS, 8, bd_seq)])


class Edge:
    """A node ``g/n`` that speaks, and what becomes of it."""

    def __init__(self) -> None:
        self.player = Player(SparkplugDialect([Base("plant")], "devices"), written=True)
        self.now_ms, self._row = NOW_MS, 0

    def says(self, kind: str, payload: bytes, device: str = "") -> str:
        self._row += 1
        self.now_ms += 1_000
        topic = f"spBv1.0/g/{kind}/n" + (f"/{device}" if device else "")
        self.player.play([Row(self._row, topic, payload, False, False, self.now_ms)])
        return self.player.outcomes[self._row]

    @property
    def state(self) -> State:
        return self.player.states[NODE]

    def joined(self, why: Any) -> None:
        self.player.states[NODE] = self.player.dialect.joined(self.state, why, self.now_ms)

    def asked(self, until_ms: int) -> list[int]:
        """When it is asked to be born again, up to some time; in s from now."""
        found, state, at_ms = [], self.state, self.now_ms
        while at_ms <= until_ms:
            due = self.player.dialect.due(state, at_ms)
            found += [(at_ms - self.now_ms) // 1000 for _ in due.publications]
            state = due.state or state
            if due.again_ms is None:
                break
            at_ms = max(due.again_ms, at_ms + 1)
        return found

    def prompts(self) -> int:
        return len([one for one in self.player.happened if one.device == NODE and hasattr(one.what, "topic")])


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.says("NBIRTH", birth(0, {"t": 1, "p": 2}))
    return edge


def test_messages_in_sequence_ask_for_nothing(edge: Edge) -> None:
    for seq in [*range(1, 256), 0, 1]:
        assert edge.says("NDATA", data(seq, 1, 20.0)) == ""
    assert edge.asked(edge.now_ms + 10**7) == []


def test_a_gap_asks_once_and_ever_more_seldom_until_it_is_born(edge: Edge) -> None:
    assert edge.says("NDATA", data(5, 1, 20.0)) == ""
    assert edge.says("NDATA", data(9, 1, 21.0)) == ""
    assert edge.prompts() == 1
    assert edge.asked(edge.now_ms + 8 * 3_600_000)[:9] == [59, 179, 419, 899, 1859, 3779, 7379, 10979, 14579]
    edge.says("NBIRTH", birth(0, {"t": 1}))
    assert edge.asked(edge.now_ms + 8 * 3_600_000) == []


def test_a_node_is_asked_at_most_once_a_minute_also_after_its_birth(edge: Edge) -> None:
    edge.says("NDATA", data(5, 1, 20.0))
    edge.says("NBIRTH", birth(0, {"t": 1}))
    edge.says("NDATA", data(5, 1, 20.0))
    assert edge.prompts() == 1
    assert edge.asked(edge.now_ms + 70_000) == [58]


def test_a_message_twice_is_no_gap(edge: Edge) -> None:
    edge.says("NDATA", data(1, 1, 20.0))
    edge.says("NDATA", data(1, 1, 20.0))
    edge.says("NDATA", data(2, 1, 20.0))
    assert edge.prompts() == 0


def test_after_an_outage_no_alias_is_believed_unless_nothing_was_lost(edge: Edge) -> None:
    edge.joined("gateway")
    assert edge.says("NDATA", data(1, 1, 20.0)) == ""
    edge.joined("gateway")
    assert edge.says("NDATA", data(1, 1, 99.0)) == "unborn"  # not delivered twice: 1 may be another metric by now
    assert edge.says("NDATA", data(2, 1, 99.0)) == "unborn"
    assert edge.prompts() == 1
    assert values(edge.player, NODE)["t"] == 20.0
    edge.says("NBIRTH", birth(0, {"p": 1, "t": 2}, bd_seq=1))
    edge.says("NDATA", data(1, 1, 3.0))
    assert values(edge.player, NODE) == {"t": 1.0, "p": 3.0}


def test_a_node_that_is_silent_after_an_outage_is_asked_after_a_while(edge: Edge) -> None:
    edge.joined("gateway")
    assert edge.asked(edge.now_ms + 400_000)[0] == 300


def test_a_state_that_was_lost_is_asked_for(edge: Edge) -> None:
    edge.player.states[NODE] = edge.player.dialect.joined(
        State(edge.state.model, edge.state.live), "revision", edge.now_ms
    )
    assert edge.asked(edge.now_ms) == [0]


def test_a_death_of_an_earlier_session_says_nothing(edge: Edge) -> None:
    edge.says("NBIRTH", birth(0, {"t": 1}, bd_seq=4))
    assert edge.says("NDEATH", death(3)) == "stale_death"
    assert edge.says("NDEATH", death(4)) == ""
    assert edge.says("NDATA", data(1, 1, 2.0)) == "unborn"


def test_a_dead_node_is_not_asked(edge: Edge) -> None:
    edge.says("NDATA", data(5, 1, 2.0))
    edge.says("NDEATH", death(0))
    assert edge.asked(edge.now_ms + 10**7) == []


def test_devices_are_born_again_after_their_node_or_doubted(edge: Edge) -> None:
    edge.says("DBIRTH", birth(1, {"a": 11}, bd_seq=-1), "one")
    edge.says("DBIRTH", birth(2, {"b": 12}, bd_seq=-1), "two")
    edge.says("NBIRTH", birth(0, {"t": 1}))
    assert edge.says("DDATA", data(1, 11, 5.0), "one") == "unborn"
    edge.says("DBIRTH", birth(2, {"a": 11}, bd_seq=-1), "one")
    edge.now_ms += 60_000
    edge.says("NDATA", data(3, 1, 5.0))
    doubted = [one.device for one in edge.player.said if isinstance(one.what, Doubted)]
    assert doubted == [f"{NODE}~two"]
    edge.says("NDATA", data(4, 1, 5.0))
    assert [one.device for one in edge.player.said if isinstance(one.what, Doubted)] == doubted


def test_of_three_thousand_metrics_the_first_are_taken_and_the_rest_noted(edge: Edge) -> None:
    edge.says("NBIRTH", birth(0, {f"m{number}": number for number in range(3_000)}))
    assert len(edge.player.descriptions[NODE].properties) == 200
    assert edge.says("NDATA", data(1, 150, 7.0)) == ""
    assert edge.says("NDATA", data(2, 2_999, 7.0)) == ""  # left out, no reason to ask
    assert edge.prompts() == 0
    noted = [note for one in edge.player.said if isinstance(one.what, Telemetry) for note in one.what.notes]
    assert {note.reason for note in noted} == {"too_many_metrics"}
    assert len(noted) <= 20
    assert values(edge.player, NODE)["m150"] == 7.0
