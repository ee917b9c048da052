"""A keeper whose clock the tests hold."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

import pytest

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.gateways import provider
from devices.worker.effects.rate_gate import RateGate
from tests.support.worlds.deliveries import GATEWAY
from tests.support.worlds.ingest_worker import Worker


@pytest.fixture(autouse=True)
def every_round_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps and beats come with each round: they depend on the clock of the machine otherwise."""
    monkeypatch.setattr(RateGate, "__call__", lambda self: True)


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


@dataclass
class GatewayLink:
    """What a gateway says, as far as workers need it; tests change it."""

    key: str
    broker_up: bool = True
    since_ms: int = 0
    drained_ms: int = 2**60
    beat_ms: int = 0
    filters: tuple[str, ...] = ("devices/#",)
    broker: str = ""


@pytest.fixture(autouse=True)
def gateways(monkeypatch: pytest.MonkeyPatch) -> dict[str, GatewayLink]:
    """What the gateways say of their links, by key: one that is up and has nothing to catch up with."""
    links = {GATEWAY: GatewayLink(GATEWAY)}

    def status() -> GatewayStatus:
        return GatewayStatus(gateways=tuple(GatewayRow(**asdict(link)) for link in links.values()))

    monkeypatch.setattr(provider, "status", status)
    return links
