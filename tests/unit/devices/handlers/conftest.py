"""A worker whose clock the tests hold, for those who follow what it writes; an app with a handler."""

from collections.abc import Iterator
from importlib import import_module, reload

import pytest
from django.test import modify_settings

from devices.handlers.registry import restored
from devices.worker.effects.rate_gate import RateGate
from tests.support.tables import make_table
from tests.support.worlds.ingest_worker import Worker


@pytest.fixture
def worker(db: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Has taken its shards; its sweeps come with each round."""
    monkeypatch.setattr(RateGate, "__call__", lambda self: True)
    worker = Worker()
    worker.round()
    return worker


@pytest.fixture
def handlers() -> Iterator[None]:
    """Whatever is registered goes with the test."""
    with restored():
        yield


@pytest.fixture
def irrigation(db: None, handlers: None) -> Iterator[None]:
    """The app ``irrigation`` is installed, with its tables; its handlers are registered."""
    with modify_settings(INSTALLED_APPS={"append": "tests.apps.irrigation"}):
        from tests.apps.irrigation.models import Plant, Watering

        make_table(Plant)
        make_table(Watering)
        reload(import_module("tests.apps.irrigation.causeway"))
        yield
