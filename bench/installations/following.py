"""Causeway with handlers that follow each reading (bench.followers), in processes of their own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.installations.installation import USER, Candidate, Causeway, causeway
from tests.support.servers.processes import manage
from tests.support.waiting import eventually
from tests.support.worlds.system import System

HANDLERS: Final = "handlers"
"""The role of what runs them."""
_BEGUN_S: Final = 60.0


def following(count: int) -> Callable[[Path, str], AbstractContextManager[Causeway]]:
    """What starts Causeway with so many handlers, each of which writes each reading into a table."""

    @contextmanager
    def running(directory: Path, name: str) -> Iterator[Causeway]:
        settings = {"CAUSEWAY_APPS": "bench.followers", "HANDLERS_IN_WORKERS": "false", "BENCH_FOLLOWERS": str(count)}
        with causeway(directory, name, change=_with_handlers, **settings) as one:
            api = one.system.api(USER, "admin", None)
            eventually(lambda: _are_run(api("GET", "/handlers").json()["items"], count), _BEGUN_S, what="all follow")
            yield replace(one, processes={**one.processes, HANDLERS: one.system.handlers})

    return running


def _with_handlers(system: System) -> None:
    system.manage("migrate", "followers", "--verbosity", "0")
    system.handlers = [system.process("handlers", manage("run_handlers"))]


def _are_run(listed: list[dict[str, Any]], count: int) -> bool:
    return bool(sum(one["processes"] for one in listed) == count)


ONE_FOLLOWER: Final = Candidate("Causeway, one follower", following(1))
FIVE_FOLLOWERS: Final = Candidate("Causeway, five followers", following(5))
