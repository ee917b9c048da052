"""Dialects side by side: the first that takes a topic has it."""

from collections.abc import Iterator

import pytest

from bridge.dialects.dialect import (
    NATIVE,
    Command,
    Filter,
    Publication,
    Reading,
    RejectedTopic,
    Rendered,
    Route,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.native.dialect import NativeDialect
from bridge.dialects.registry import Dialects, dialects, factories, register_dialect
from bridge.messages import Delivery
from bridge.registry import RegistrationError


class Everything(SimpleDialect):
    """Takes every topic."""

    def __init__(self, name: str) -> None:
        self.name = name

    def filters(self) -> tuple[Filter, ...]:
        return (Filter(f"{self.name}/#"),)

    def route(self, topic: str) -> Sorted | None:
        return Route(self.name, "site/all", topic)

    def example(self, source: str) -> str:
        return f"{self.name}/{source}"

    def read(self, _state: State, _delivery: Delivery) -> Reading:
        return Reading()

    def render(self, _state: State, device: str, command: Command, _now_ms: int) -> Rendered:
        return Rendered((Publication(f"{self.name}/{device}/{command.name}", command.args),))


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    with factories.reopened():
        yield


def test_causeways_own_is_always_there() -> None:
    (native,) = dialects("devices")
    assert isinstance(native, NativeDialect)
    assert dialects("devices").filters == (Filter("devices/#"),)
    assert dialects("devices").route("else/where") == RejectedTopic("foreign_root")


def test_the_first_that_takes_a_topic_has_it() -> None:
    register_dialect("one", lambda _root: Everything("one"))
    register_dialect("other", lambda _root: Everything("other"))
    both = dialects("devices")
    assert [one.name for one in both] == [NATIVE, "one", "other"]
    assert both.route("devices/a/b/state") == Route(NATIVE, "a/b", "state")
    assert both.route("devices/a/b/nonsense") == RejectedTopic("unknown_suffix")
    assert both.route("else") == Route("one", "site/all", "else")
    assert both.filters == (Filter("devices/#"), Filter("one/#"), Filter("other/#"))
    assert both.example("other", "a/b") == "other/a/b"
    assert Dialects(Everything("other"), NativeDialect("devices")).route("devices/a/b/state") == Route(
        "other", "site/all", "devices/a/b/state"
    )


def test_a_dialect_that_is_gone_leaves_nothing() -> None:
    with factories.reopened():
        register_dialect("one", lambda _root: Everything("one"))
        assert "one" in dialects("devices").by_name
    assert "one" not in dialects("devices").by_name
    assert dialects("devices").example("one", "a/b") is None
    assert dialects("devices").filters == (Filter("devices/#"),)


def test_what_makes_no_dialect_is_refused() -> None:
    with pytest.raises(RegistrationError, match="makes no dialect"):
        register_dialect("one", "one")  # type: ignore[arg-type]


def test_it_is_too_late_once_a_topic_may_have_been_sorted() -> None:
    dialects("devices")
    with pytest.raises(RegistrationError, match="too late"):
        register_dialect("one", lambda _root: Everything("one"))
