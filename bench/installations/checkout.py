"""Causeway as another checkout has it, driven by this one's benchmark with this one's Python packages."""

import contextlib
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench.installations.installation import Candidate, Installation
from tests.support import environment
from tests.support.servers import processes
from tests.support.servers.processes import Process


@cache
def of_checkout(ours: Candidate, root: Path) -> Candidate:
    """The same installation, of the code below ``root``; the same candidate each time."""
    return Candidate(name_of(ours.name, root), partial(_running, ours, root.resolve()))


def name_of(ours: str, root: Path) -> str:
    """``Causeway (base)``."""
    return f"{ours} ({root.resolve().name})"


@contextlib.contextmanager
def _running(ours: Candidate, root: Path, directory: Path, name: str) -> Iterator[Installation]:
    with contextlib.ExitStack() as stack:
        with _rooted(root):  # its database, with its migrations; and all its processes
            installation = stack.enter_context(ours.running(directory, name))
        for one in (one for some in installation.processes.values() for one in some if isinstance(one, Process)):
            one.arguments = there(one.arguments, root)  # when they are started again
        yield installation


def there(arguments: list[str], root: Path) -> list[str]:
    """A command line of ours, in that directory and with its modules; env becomes the program, so the process is it."""
    return ["env", f"--chdir={root}", f"PYTHONPATH={root}", *arguments]


@contextlib.contextmanager
def _rooted(root: Path) -> Iterator[None]:
    """What ``tests.support`` starts meanwhile is that checkout's."""
    modules: tuple[Any, ...] = (environment, processes)
    before = [module.ROOT for module in modules]
    for module in modules:
        module.ROOT = root
    try:
        yield
    finally:
        for module, one in zip(modules, before, strict=True):
            module.ROOT = one
