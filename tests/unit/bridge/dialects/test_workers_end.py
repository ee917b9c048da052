"""Every corpus through the worker's transactions comes to the same end as read by its dialect alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import Dialect
from devices.models import Command
from tests.support.dialects.commands import answers, device_of
from tests.support.dialects.player import Player
from tests.support.dialects.rows import lines, rows
from tests.support.dialects.spoken import SPOKEN, by_corpus
from tests.support.dialects.worker_player import WorkerPlayer, pure_end, stored_end

pytestmark = pytest.mark.django_db

CORPORA = by_corpus()


@contextmanager
def speaking(corpus: str) -> Iterator[Dialect]:
    """The installation speaks the corpus' dialect."""
    name = next(name for name, spoken in SPOKEN.items() if corpus in spoken.corpora)
    spoken = (*NATIVE_ALONE, Enabled(name, SPOKEN[name].bases))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        yield settings.DEVICES.dialects.by_name[name]


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Besides what was described, a worker has described devices that were made only later."""
    described = found["descriptions"].items()
    known = {key: one for key, one in described if key in wanted["descriptions"] and not one.get("withdrawn")}
    for part, expected in wanted.items():
        assert (known if part == "descriptions" else found[part]) == expected, part


@pytest.mark.parametrize("corpus", CORPORA)
def test_whatever_fails_between_its_rows(corpus: str) -> None:
    with speaking(corpus) as dialect:
        player = Player(dialect).play(rows(corpus))
        WorkerPlayer(dialect, player.states, hard=True).play(rows(corpus))
        assert_same(stored_end(), pure_end(player))


@pytest.mark.parametrize("corpus", CORPORA)
def test_when_what_is_retained_comes_first(corpus: str) -> None:
    with speaking(corpus) as dialect:
        player = Player(dialect).play_retained_first(rows(corpus), seed=1)
        WorkerPlayer(dialect, player.states).play_retained_first(rows(corpus), seed=1)
        assert_same(stored_end(), pure_end(player))


def answered(corpus: str) -> list[dict[str, Any]]:
    """The corpus' commands whose end something tells, in the order in which they can be given."""
    every = len(rows(corpus))
    found = [{"after": every, **line} for line in lines(f"{corpus}.commands") if "answers" in line]
    return sorted(found, key=lambda line: int(line["after"]))


@pytest.mark.parametrize("corpus", [one for one in CORPORA if answered(one)])
def test_a_command_ends_the_same_whatever_fails_between_it_and_its_answers(corpus: str) -> None:
    with speaking(corpus) as dialect:
        alone, played = Player(dialect), 0
        sources = Player(dialect).play(rows(corpus)).states
        workers = WorkerPlayer(dialect, sources)
        for line in answered(corpus):
            some, played = rows(corpus)[played : line["after"]], line["after"]
            workers.hard = False
            alone.play(some)
            workers.play(some)
            workers.hard = True
            command = workers.command(device_of(alone, line["device"]), line)
            for answer in answers(line, workers.now_ms + 1_000):
                command.refresh_from_db()
                assert command.status in {"sent", "delivered"}, "it has ended too early"
                workers.play([answer])
            command.refresh_from_db()
            assert command.status == line.get("ends", "done"), (line, command.timeline)
            Command.objects.all().delete()
