"""Fixtures for all tests: Django for this process, real servers, whole systems. See ``tests/support``.

What a test may ask for:

- ``mosquitto``, ``redis``, ``postgres``: a real `Service` (`stop`, `kill`, `start`); the first two come empty;
- ``causeway``: a function that makes a `System` (gateway, workers, web) on those servers: ``causeway(workers=1)``;
- ``shared_system``: one `System` for the whole run, on servers of its own. Use a site of your own in it; never stop it;
- in ``tests/browser``: ``page``, of a real Chromium.
"""

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.support.clients.browser import chromium_path
from tests.support.clients.users import carry_out
from tests.support.environment import use_for_this_process
from tests.support.pages import build_pages
from tests.support.servers import processes
from tests.support.servers.installing import MissingProgramError
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.postgres import PostgresService, postgres_service
from tests.support.servers.redis import redis_service
from tests.support.servers.service import Service
from tests.support.worlds.system import Factory, Parts, System, factory

build_pages()
use_for_this_process({
    # SQLite: Django tests in a file of its own then. tests/faults/test_cases_on_postgres.py has them run on PostgreSQL.
    "DATABASE_URL": os.environ.get("CAUSEWAY_TEST_DATABASE_URL")
    or f"sqlite:///{tempfile.gettempdir()}/causeway-unused.sqlite3",
    "DEBUG": "true",
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "only-for-tests" * 4,
})  # fmt: skip
django.setup()
# A hundredth of a second in place of half a one; Django's own is there for those who log in to another process.
settings.PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

hypothesis.settings.register_profile("causeway", deadline=None)  # two busy cores: a slow example is no failure
hypothesis.settings.load_profile("causeway")

# In this order they run: what fails fastest first.
FOLDERS = ("unit", "integration", "docs", "browser", "faults", "compose")
# Fixture → what fetches an image or installs a program for it.
PREPARATIONS: dict[str, Callable[[], object]] = {
    "session_mosquitto": mosquitto_service,
    "session_redis": redis_service,
    "session_postgres": postgres_service,
    "browser": chromium_path,
}

notes = pytest.StashKey[list[str]]()


# ---- servers and systems


def _remembered(service: Service, config: pytest.Config) -> Service:
    config.stash[notes].append(f"{service.name}: {service.origin}")
    return service


@pytest.fixture(scope="session")
def session_mosquitto(pytestconfig: pytest.Config) -> Iterator[Service]:
    """One broker for the run; ask for ``mosquitto``."""
    service = _remembered(mosquitto_service(), pytestconfig)
    yield service
    service.close()


@pytest.fixture(scope="session")
def session_redis(pytestconfig: pytest.Config) -> Iterator[Service]:
    """One Redis for the run; ask for ``redis``."""
    service = _remembered(redis_service(), pytestconfig)
    yield service
    service.close()


@pytest.fixture(scope="session")
def session_postgres(pytestconfig: pytest.Config) -> Iterator[PostgresService]:
    """One cluster for the run; ask for ``postgres``."""
    service = postgres_service()
    _remembered(service, pytestconfig)
    yield service
    service.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in a file: one that threads share in memory refuses whoever finds a table locked, instead of waiting."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "unit.sqlite3")


@pytest.fixture
def mosquitto(session_mosquitto: Service) -> Service:
    """A running broker without any session, retained or queued message."""
    session_mosquitto.reset()
    return session_mosquitto


@pytest.fixture
def redis(session_redis: Service) -> Service:
    """A running, empty Redis."""
    session_redis.reset()
    return session_redis


@pytest.fixture
def postgres(session_postgres: PostgresService) -> PostgresService:
    """A running PostgreSQL; make databases of your own in it."""
    session_postgres.start()
    return session_postgres


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """Migrated databases on the cluster of ``postgres``, by number of shards."""
    return {}


@pytest.fixture
def causeway(
    mosquitto: Service,
    redis: Service,
    postgres: PostgresService,
    templates: dict[str, str],
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Factory]:
    """Makes whole systems on ``mosquitto``, ``redis`` and ``postgres``; they end with the test."""
    with factory(Parts(mosquitto, redis, postgres), tmp_path, templates, partial(carry_out, django_db_blocker)) as make:
        yield make


@pytest.fixture(scope="session")
def shared_system(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[System]:
    """One system for all tests that neither stop anything nor need other settings. Servers of its own."""
    parts = Parts(mosquitto_service(), redis_service(), postgres_service())
    parts.start()
    try:
        with factory(parts, tmp_path_factory.mktemp("shared"), {}, partial(carry_out, django_db_blocker)) as make:
            yield make()
    finally:
        parts.close()


# ---- the run


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends the run like Ctrl-C: fixtures end what they started."""
    config.stash[notes] = []

    def stop(*_signal: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pytest.exit("SIGTERM", returncode=143)

    signal.signal(signal.SIGTERM, stop)


def _folder(item: pytest.Item) -> str:
    relative = item.path.relative_to(Path(__file__).parent)
    return relative.parts[0] if relative.parts[0] in FOLDERS else FOLDERS[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, put the quick ones first."""
    items.sort(key=lambda item: FOLDERS.index(_folder(item)))
    for item in items:
        if _folder(item) != "unit":
            item.add_marker(_folder(item))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch images and install programs before the first test, whose time limit does not allow for that."""
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "shared_system" in wanted:
        wanted |= {"session_mosquitto", "session_redis", "session_postgres"}
    for name in PREPARATIONS.keys() & wanted:
        with contextlib.suppress(MissingProgramError):  # the fixture says so, in the tests that need it
            PREPARATIONS[name]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows how the logs of the processes under it end."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {name}", tail) for name, tail in processes.tails()]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the tests ran on."""
    for note in config.stash[notes]:
        terminalreporter.write_line(note)
    if file := os.environ.get("CAUSEWAY_TEST_SUMMARY"):
        Path(file).write_text(json.dumps(_summary(terminalreporter.stats)))


def _summary(stats: dict[str, list[Any]]) -> dict[str, Any]:
    """For tests/lanes.py: how many tests passed, and which failed (or their fixtures) and why."""
    failed = [report for kind in ("failed", "error") for report in stats.get(kind, [])]
    passed, skipped = ({one.nodeid for one in stats.get(kind, [])} for kind in ("passed", "skipped"))
    failures = {one.nodeid: _reason(one) for one in failed}
    return {"passed": len(passed - failures.keys()), "skipped": len(skipped), "failures": failures}


def _reason(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).partition("\n")[0][:200]
