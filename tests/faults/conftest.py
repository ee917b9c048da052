"""Rounds for tests: an arena a database, shared by those whose faults leave it as it was."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.arena import Arena
from tests.faults.arenas import Arenas
from tests.faults.rounds import Result
from tests.support.clients.users import carry_out
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import postgres_service
from tests.support.servers.redis import redis_service
from tests.support.worlds.system import Parts, factory

SEED = "make test"

Round = Callable[[str], Result]


class Rounds:
    """Makes rounds on one database; the number of a round is its seed's second part."""

    def __init__(self, arenas: Arenas, directory: Path) -> None:
        self.arenas, self._directory, self._count = arenas, directory, 0

    def round(self, fault: str) -> Result:
        """One round with this fault; fails the test if anything of ours went wrong."""
        self._count += 1
        with self._closed_by_failure():
            result = self.arenas.round(self._count, SEED, fault, self._directory / f"failed-{self._count}-{fault}")
            if result.findings.violations:
                pytest.fail(result.story(), pytrace=False)
        return result

    def arena(self) -> Arena:
        """The plain one."""
        with self._closed_by_failure():
            return self.arenas.plain()

    @contextlib.contextmanager
    def _closed_by_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.arenas.close()
            raise


@pytest.fixture(scope="session")
def parts() -> Iterator[Parts]:
    """Servers for faults only."""
    made = Parts(mosquitto_service(), redis_service(), postgres_service())
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def rounds(
    request: pytest.FixtureRequest,
    parts: Parts,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Rounds]:
    """Rounds on the database that the module names in ``DATABASE``."""
    directory = tmp_path_factory.mktemp("faults")
    with factory(parts, directory, {}, partial(carry_out, django_db_blocker)) as make:
        arenas = Arenas(make, request.module.DATABASE)
        yield Rounds(arenas, directory)
        arenas.close()


@pytest.fixture(name="arena")
def open_arena(rounds: Rounds) -> Arena:
    """The arena that most faults share."""
    return rounds.arena()


@pytest.fixture
def round_with(rounds: Rounds) -> Round:
    """A function that makes one round with a fault, by name."""
    return rounds.round
