"""Every expectation and command of the corpora, for each dialect, in all ways in which messages may come."""

import pytest

from bridge.observations import Telemetry
from bridge.topic_filters import matches
from tests.support.dialects.commands import check_command
from tests.support.dialects.expectations import check, last_row
from tests.support.dialects.player import Player, model, values
from tests.support.dialects.rows import lines, rows
from tests.support.dialects.spoken import by_corpus, numbered

CORPORA = by_corpus()


@pytest.mark.parametrize(("corpus", "index"), numbered("expected"))
@pytest.mark.parametrize("way", ["live", "written", "doubled"])
def test_what_is_expected_is_true(corpus: str, index: int, way: str) -> None:
    expected = list(lines(f"{corpus}.expected"))[index]
    player = Player(CORPORA[corpus].dialect(), written=way == "written", doubled=way == "doubled")
    player.play(rows(corpus)[: last_row(expected)])
    check(player, expected, doubled=way == "doubled")


@pytest.mark.parametrize(("corpus", "index"), numbered("expected", stored_first=True))
@pytest.mark.parametrize("seed", range(4))
def test_it_is_true_when_what_is_retained_comes_first_in_any_order(corpus: str, index: int, seed: int) -> None:
    expected = list(lines(f"{corpus}.expected"))[index]
    player = Player(CORPORA[corpus].dialect(), written=bool(seed % 2))
    player.play_retained_first(rows(corpus)[: last_row(expected)], seed)
    check(player, expected, stored_first=True)


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_takeover_between_any_two_messages_and_a_repetition_change_nothing(corpus: str) -> None:
    live = Player(CORPORA[corpus].dialect()).play(rows(corpus))
    written = Player(CORPORA[corpus].dialect(), written=True).play(rows(corpus))
    doubled = Player(CORPORA[corpus].dialect(), doubled=True).play(rows(corpus))
    assert live.twins == written.twins
    assert live.happened == written.happened
    assert model(live) == model(written) == model(doubled)
    assert live.twins.keys() == doubled.twins.keys()
    assert [values(live, device) for device in live.twins] == [values(doubled, device) for device in live.twins]


@pytest.mark.parametrize(("corpus", "index"), numbered("commands"))
@pytest.mark.parametrize("way", ["live", "written", "doubled"])
def test_a_command_is_published_so_and_ends_so(corpus: str, index: int, way: str) -> None:
    line = list(lines(f"{corpus}.commands"))[index]
    played = rows(corpus)[: line.get("after")]
    player = Player(CORPORA[corpus].dialect(), written=way == "written", doubled=way == "doubled").play(played)
    check_command(player, line, played[-1].received_ms + 1_000)


@pytest.mark.parametrize(("corpus", "index"), numbered("commands", stored_first=True))
def test_a_command_is_and_ends_the_same_when_what_is_retained_came_first(corpus: str, index: int) -> None:
    line = list(lines(f"{corpus}.commands"))[index]
    played = rows(corpus)[: line.get("after")]
    player = Player(CORPORA[corpus].dialect()).play_retained_first(played, seed=index)
    check_command(player, line, played[-1].received_ms + 1_000)


@pytest.mark.parametrize("corpus", CORPORA)
def test_it_describes_again_what_it_described(corpus: str) -> None:
    player = Player(CORPORA[corpus].dialect()).play(rows(corpus))
    for device, description in player.descriptions.items():
        assert player.dialect.describe(player.states[device.partition("~")[0]], device) == description


@pytest.mark.parametrize("corpus", CORPORA)
def test_its_example_is_a_topic_of_the_source(corpus: str) -> None:
    dialect = CORPORA[corpus].dialect()
    player = Player(dialect).play(rows(corpus))
    for source in player.states:
        assert player.broker.subscribed(dialect.example(source)), source


@pytest.mark.parametrize("corpus", CORPORA)
def test_what_a_device_says_comes_on_its_topics(corpus: str) -> None:
    player, heard = Player(CORPORA[corpus].dialect()), 0
    for row in rows(corpus):
        before = len(player.said)
        player.play([row])  # and what is retained on topics that are heard only now
        for one in player.said[before:]:
            if isinstance(one.what, Telemetry) and one.row == row.number:
                for device in (one.device.partition("~")[0], one.device):
                    topics = player.dialect.topics(player.states[one.device.partition("~")[0]], device)
                    assert any(matches(each, row.topic) for each in topics), (device, row.topic, topics)
                    heard += 1
    assert heard
