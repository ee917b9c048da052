"""One arena a database, shared by the tests; one in which something went wrong is replaced by a new one."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.arena import Arena, Database, arena
from tests.faults.rounds import Result, run_round
from tests.support.clients.users import carry_out
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import postgres_service
from tests.support.servers.redis import redis_service
from tests.support.worlds.system import Parts, Writer, factory

SEED = "make test"

Round = Callable[[str], Result]


class Arenas:
    """Makes rounds in one arena after another; the number of a round is its seed's second part."""

    def __init__(self, database: Database, parts: Parts, directory: Path, writer: Writer) -> None:
        self._database, self._parts, self._directory, self._writer = database, parts, directory, writer
        self._open = contextlib.ExitStack()
        self._arena: Arena | None = None
        self._templates: dict[str, str] = {}
        self._rounds = 0

    def round(self, fault: str) -> Result:
        """One round with this fault; fails the test if anything of ours went wrong."""
        self._rounds += 1
        with self._closed_by_failure():
            result = run_round(self.arena(), self._rounds, SEED, fault)
            if result.findings.violations:
                kept = self._directory / f"failed-{self._rounds}-{fault}"
                self.arena().keep_logs(kept)
                pytest.fail(f"{result.story()}\n{self.arena().tails()}\nlogs are in {kept}", pytrace=False)
        return result

    def arena(self) -> Arena:
        """The one that is open; opens one."""
        if self._arena is None:
            with self._closed_by_failure():
                make = self._open.enter_context(factory(self._parts, self._directory, self._templates, self._writer))
                self._arena = self._open.enter_context(arena(make, self._database))
        return self._arena

    @contextlib.contextmanager
    def _closed_by_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End what is open."""
        self._arena = None
        self._open.close()


@pytest.fixture(scope="session")
def parts() -> Iterator[Parts]:
    """Servers for faults only."""
    made = Parts(mosquitto_service(), redis_service(), postgres_service())
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def arenas(
    request: pytest.FixtureRequest,
    parts: Parts,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Arenas]:
    """Arenas on the database that the module names in ``DATABASE``."""
    made = Arenas(
        request.module.DATABASE, parts, tmp_path_factory.mktemp("faults"), partial(carry_out, django_db_blocker)
    )
    yield made
    made.close()


@pytest.fixture(name="arena")
def open_arena(arenas: Arenas) -> Arena:
    """The arena of the test's rounds."""
    return arenas.arena()


@pytest.fixture
def round_with(arenas: Arenas, arena: Arena) -> Round:
    """A function that makes one round in the arena with a fault, by name."""
    return arenas.round
