"""A long answer on a real Daphne: written as it is taken, whole, and over when its client has gone."""

import contextlib
import http.client
import sys
from collections.abc import Iterator

import pytest

from tests.support.servers.ports import free_port
from tests.support.servers.processes import Process, end_all
from tests.support.waiting import eventually
from tests.unit.runtime.http.frames_app import LONG_BYTES


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    options = ["-b", "127.0.0.1", "-p", str(port), "tests.unit.runtime.http.frames_app:application"]
    process = Process("frames", [sys.executable, "-m", "daphne", *options], {}, tmp_path_factory.mktemp("d") / "log")
    process.start()
    eventually(lambda: written(port) == 0)
    yield port
    end_all([process])


@contextlib.contextmanager
def asked(port: int, path: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    with contextlib.closing(connection):
        yield connection.getresponse()


def written(port: int) -> int:
    with asked(port, "/written") as answer:
        return int(answer.read())


def stands_still(port: int) -> int:
    """Wait until nothing more is written; how much has been."""
    seen: list[int] = []

    def stands() -> bool:
        seen.append(written(port))
        return len(seen) > 5 and seen[-5] == seen[-1] > 0

    eventually(stands)
    return seen[-1]


def test_an_answer_waits_for_a_client_that_does_not_read_and_then_is_whole(port: int) -> None:
    with asked(port, "/long") as answer:
        assert stands_still(port) < LONG_BYTES  # what the system buffers
        assert len(answer.read()) == LONG_BYTES
    assert written(port) == LONG_BYTES


def test_an_answer_whose_client_has_gone_is_over_and_harms_no_other(port: int) -> None:
    with asked(port, "/long"):
        stands_still(port)
    with asked(port, "/long") as answer:
        assert len(answer.read()) == LONG_BYTES
