"""Databases for tests that run our code in this process, with threads and commits of its own."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connections
from pytest_django import DjangoDbBlocker

from config.service_urls import database
from runtime.request_database import commands, lookups
from tests.support.servers.postgres import PostgresService, database_name
from tests.support.servers.processes import migrate

SHARDS = 4
T = TypeVar("T")


@contextlib.contextmanager
def use_database(url: str, blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make ``url`` this process's database, in every thread that has not connected yet."""
    with pytest.MonkeyPatch.context() as patch, blocker.unblock():
        patch.setenv("DATABASE_URL", url)
        config = connections.configure_settings({"default": database(settings.BASE_DIR)})
        connections["default"].close()
        former = connections["default"]
        patch.setattr(connections, "settings", config)
        del connections["default"]
        _end_threads_of_requests()
        try:
            yield
        finally:
            _end_threads_of_requests()
            connections["default"].close()
            if close_pool := getattr(connections["default"], "close_pool", None):
                close_pool()
            connections["default"] = former


def _end_threads_of_requests() -> None:
    for database_of_requests in (lookups, commands):
        database_of_requests.close()


def with_own_connection(function: Callable[[], T]) -> T:
    """Call ``function`` in a thread of a pool: on the database of now, whatever the thread was used for before."""
    connections["default"].close()
    del connections["default"]
    try:
        return function()
    finally:
        connections["default"].close()


@contextlib.contextmanager
def postgres_copy(postgres: PostgresService, templates: dict[str, str]) -> Iterator[str]:
    """A migrated PostgreSQL database of its own; its URL. ``templates`` is the fixture of that name."""
    key = str(SHARDS)
    if key not in templates:
        url = postgres.create_database()
        migrate(_settings(url))
        templates[key] = database_name(url)
    url = postgres.create_database(templates[key])
    try:
        yield url
    finally:
        postgres.drop_database(url)


def sqlite_copy(template: Path, directory: Path) -> str:
    """A migrated SQLite database of its own; its URL. ``template`` is made at the first call."""
    if not template.exists():
        migrate(_settings(f"sqlite:///{template}"))
    shutil.copy(template, directory / "causeway.sqlite3")
    return f"sqlite:///{directory / 'causeway.sqlite3'}"


def _settings(url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "DEBUG": "true", "BRIDGE_SHARDS": str(SHARDS)}
