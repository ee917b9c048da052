"""A keeper whose clock the tests hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from devices.ingest import keeper as keeper_module
from tests.support.ingest_worker import Worker


@pytest.fixture(autouse=True)
def every_round_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps and beats come with each round: they depend on the clock of the machine otherwise."""
    monkeypatch.setattr(keeper_module._Every, "__call__", lambda self: True)


@pytest.fixture
def worker(db: None) -> Worker:
    """Has taken its shards."""
    worker = Worker()
    worker.round()
    return worker


@pytest.fixture
def another_worker(db: None) -> Callable[[], Worker]:
    """Makes further workers, which take all shards at their first round."""
    numbers = count()
    return lambda: Worker(f"another {(number := next(numbers))}", epoch=number + 2)


@pytest.fixture
def options(settings: Any) -> Callable[..., None]:
    """Changes the installation's options, for workers made later."""

    def change(**changes: Any) -> None:
        settings.DEVICES = replace(settings.DEVICES, **changes)

    return change


@pytest.fixture(autouse=True)
def gateway_link(settings: Any) -> list[int | None]:
    """Since when the broker link is up; ``gateway_link[0] = None`` takes it down."""
    settings.CAUSEWAY_GATEWAY_STATUS = f"{__name__}.fake_status"
    _link[:] = [0]
    return _link


_link: list[int | None] = [0]


@dataclass
class _Status:
    broker_up: bool
    since_ms: int


def fake_status() -> _Status:
    return _Status(_link[0] is not None, _link[0] or 0)
