"""One web process by itself, on SQLite: what stands before the applications needs no gateway and no workers."""

import http.client
import itertools
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, daphne, end_all, manage, migrate, run_command
from tests.support.waiting import eventually

Starter = Callable[..., "Web"]
_numbers = itertools.count()


class Web:
    """A Daphne that runs, and its database."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Any:
        """One request on a connection of its own, its answer read. ``_`` in header names for ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer: Any = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def run(self, *arguments: str) -> str:
        """What a command of ``manage.py`` prints."""
        return run_command(manage(*arguments), self.process.settings).stdout

    def token(self, name: str = "ann", role: str = "admin") -> str:
        """A token of a user with a role at all sites."""
        return self.run("create_token", name, "--role", role).split()[-1]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database file with its tables."""
    file = tmp_path_factory.mktemp("web") / "template.sqlite3"
    migrate(_settings(file))
    return file.read_bytes()


def _settings(database: Path) -> dict[str, str]:
    return {
        "SECRET_KEY": "for-the-tests-of-the-web-process" * 2,
        "DATABASE_URL": f"sqlite:///{database}",
        "CAUSEWAY_SINGLE_PROCESS": "true",
        "ALLOWED_HOSTS": "127.0.0.1,dash.example.com",
    }


@pytest.fixture(scope="module")
def start(migrated: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """``start(PATH_PREFIX="/x")``: a web process with these settings; it ends with the module."""
    running: list[Process] = []

    def make(**settings: str) -> Web:
        directory = tmp_path_factory.mktemp("web")
        (directory / "db.sqlite3").write_bytes(migrated)
        port = free_port()
        process = Process("web", daphne(port), _settings(directory / "db.sqlite3") | settings, directory / "log")
        running.append(process.start())
        web = Web(process, port)
        eventually(lambda: web.ask("GET", "/healthz").status == 200, 30, what="the web process answers")
        return web

    yield make
    end_all(running)


@pytest.fixture(scope="module")
def web(start: Any) -> Web:
    """With the settings as they are by default."""
    return start()  # type: ignore[no-any-return]
