"""The supervisor's one child: killed when it takes too long, started anew when it ends, and that is taken down."""

from typing import Any

import pytest

from devices.handlers.process import supervisor
from devices.handlers.process.supervisor import Kept
from devices.handlers.process.watch import SharedWatch
from devices.models import Handler, HandlerCursor, HandlerRunner

NAME = "test.one"
pytestmark = pytest.mark.django_db


class Child:
    """A process that does what the test says."""

    exitcode: int | None = None
    pid = 7

    def __init__(self, **_what: Any) -> None:
        self.killed = self.terminated = False

    def start(self) -> None:
        """It is started."""

    def is_alive(self) -> bool:
        return not self.killed and self.exitcode is None

    def kill(self) -> None:
        self.killed = True

    def join(self, _timeout_s: float | None = None) -> None:
        """It has ended."""


class Context:
    """Makes such processes, and memory that is not shared."""

    class RawValue:
        def __init__(self, _kind: str, value: Any) -> None:
            self.value = value

    class RawArray:
        value = b""

        def __init__(self, _kind: str, _size: int) -> None:
            """Empty."""

    Process = Child


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A child of a handler, started, with a cursor."""
    monkeypatch.setattr(supervisor, "_FIRST_S", 0.0)
    kept: Any = Kept(NAME)
    kept._context = Context()
    kept.keep()
    handler = Handler.objects.create(name=NAME, version=1, since_ms=1, kind="Reading", on_failure="park")
    HandlerCursor.objects.create(handler=handler, shard=2, owner=kept._owner, beat_ms=5)
    HandlerRunner.objects.create(handler=handler, owner=kept._owner, beat_ms=5)
    return kept


def begin(kept: Any, items: int, limit_s: float) -> None:
    watch: SharedWatch = kept._watch
    watch.begin(2, items, "reading:hall/a@1", limit_s)


def cursor() -> tuple[str, int, int, str]:
    row = HandlerCursor.objects.get()
    return row.owner, row.failures, row.batch, row.suspect


def test_who_is_within_its_time_is_left_alone(kept: Any) -> None:
    first = kept._process
    begin(kept, 8, 600)
    kept.keep()
    assert kept._process is first
    assert not first.killed


@pytest.mark.parametrize(("items", "expected"), [(8, (4, "")), (1, (0, "reading:hall/a@1"))])
def test_who_takes_too_long_is_killed_and_started_anew(kept: Any, items: int, expected: tuple[int, str]) -> None:
    first = kept._process
    begin(kept, items, 0)
    kept.keep()
    assert first.killed
    assert cursor() == ("", 1, *expected)
    assert HandlerCursor.objects.get().why == "its process was killed: it took over 0 s"
    assert not HandlerRunner.objects.exists()
    kept.keep()
    assert kept._process is not first


def test_who_dies_over_items_has_failed_at_them(kept: Any) -> None:
    first = kept._process
    begin(kept, 8, 600)
    first.exitcode = -11
    kept.keep()
    assert cursor() == ("", 1, 4, "")
    assert "status -11" in HandlerCursor.objects.get().why


def test_who_dies_over_nothing_has_failed_at_nothing(kept: Any) -> None:
    kept._process.exitcode = 1
    kept.keep()
    assert cursor() == ("", 0, 0, "")
