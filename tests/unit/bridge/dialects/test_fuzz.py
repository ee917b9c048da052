"""No message, however wrong, makes a dialect raise, work for long, grow, or speak of what isn't its own."""

import random

import pytest

from tests.support.dialects import fuzz
from tests.support.dialects.player import Player
from tests.support.dialects.rows import rows
from tests.support.dialects.spoken import by_corpus

CORPORA = by_corpus()


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_beginning_of_every_message(corpus: str) -> None:
    for row in rows(corpus):
        player = Player(CORPORA[corpus].dialect()).play(rows(corpus)[: row.number - 1][-3:])
        for cut in fuzz.prefixes(row, step=max(1, len(row.payload) // 60)):
            fuzz.feed(player, cut)


@pytest.mark.parametrize("corpus", CORPORA)
def test_wrong_messages_among_right_ones(corpus: str) -> None:
    rng, played = random.Random(1), rows(corpus)
    player = Player(CORPORA[corpus].dialect(), written=True).play(played)
    for row in played:
        for wrong in (*fuzz.flipped(row, rng, 8), *fuzz.huge(row), *fuzz.swapped(played, rng, 3)):
            fuzz.feed(player, wrong)
    assert fuzz.state_bytes(player) < fuzz.MOST_STATE_BYTES
    player.play(played)  # right ones are still understood


@pytest.mark.parametrize("corpus", CORPORA)
def test_odd_topics(corpus: str) -> None:
    rng, played = random.Random(2), rows(corpus)
    player = Player(CORPORA[corpus].dialect())
    for row in played:
        for wrong in fuzz.odd_topics(row, rng, 40):
            fuzz.check_route(player.dialect, wrong.topic)
            fuzz.feed(player, wrong)
    for topic in ("", "/", "//", "+", "#", "\0", "$SYS/broker/uptime", "\ud800", "a" * 70_000, "/" * 10_000):
        fuzz.check_route(player.dialect, topic)
