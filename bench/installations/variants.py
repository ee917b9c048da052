"""Causeway in other shapes: without the reliable link (``without_link``), on SQLite, with MQTT 3.1.1."""

from functools import partial
from typing import Any, Final

from bench.installations.installation import Candidate, causeway
from bench.installations.without_link import arguments
from bench.measure.results import OURS
from tests.support.worlds.system import System

SQLITE: Final = f"{OURS} on SQLite"


def _variant(name: str, gateway: str = "", *, full_only: bool = False, **settings: Any) -> Candidate:
    """With a gateway of ``without_link``, and its worker if need be; ``settings`` as ``causeway`` takes them."""

    def replace(system: System) -> None:
        if gateway:
            system.gateway.arguments = arguments(gateway)
        if gateway == "fire-and-forget":
            for worker in system.workers:
                worker.arguments = arguments("worker", *worker.arguments[3:])

    return Candidate(name, partial(causeway, name=name, change=replace, **settings), full_only)


VARIANTS: Final = (
    _variant(f"{OURS}, PUBACK at once", "puback-at-once", full_only=True),
    _variant(f"{OURS}, no link", "fire-and-forget"),
    _variant(SQLITE, database="sqlite"),
    _variant(f"{SQLITE}, no link", "fire-and-forget", full_only=True, database="sqlite"),
    _variant(f"{OURS}, MQTT 3.1.1", full_only=True, MQTT_VERSION="3.1.1"),
)
COMPARED_WITH: Final = {f"{SQLITE}, no link": SQLITE}
