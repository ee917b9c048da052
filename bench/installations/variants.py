"""Causeway in other shapes: without the reliable link (``without_link``), on SQLite, with MQTT 3.1.1."""

from functools import partial
from typing import Any, Final

from bench.installations.installation import Candidate, causeway
from bench.installations.without_link import arguments
from bench.measure.results import OURS
from tests.support.worlds.system import System

SQLITE: Final = f"{OURS} on SQLite"


def _variant(name: str, *, gateway: str = "", full_only: bool = False, **settings: Any) -> Candidate:
    """One of them.

    Args:
        name: of the installation.
        gateway: of ``without_link``; "": the product's.
        full_only: left out of the quick run.
        settings: as ``tests.support.worlds.system.Factory`` takes them.
    """
    return Candidate(name, partial(causeway, name=name, change=partial(_replace, gateway), **settings), full_only)


def _replace(gateway: str, system: System) -> None:
    if gateway:
        system.gateway.arguments = arguments(gateway)
    if gateway == "fire-and-forget":
        for worker in system.workers:
            worker.arguments = arguments("worker", *worker.arguments[3:])


VARIANTS: Final = (
    _variant(f"{OURS}, PUBACK at once", gateway="puback-at-once", full_only=True),
    _variant(f"{OURS}, no link", gateway="fire-and-forget"),
    _variant(SQLITE, database="sqlite"),
    _variant(f"{SQLITE}, no link", gateway="fire-and-forget", full_only=True, database="sqlite"),
    _variant(f"{OURS}, MQTT 3.1.1", full_only=True, MQTT_VERSION="3.1.1"),
)
COMPARED_WITH: Final = {f"{SQLITE}, no link": SQLITE}
