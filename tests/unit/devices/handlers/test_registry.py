"""causeway.on: what it takes, what it refuses, how handlers are found."""

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import modify_settings

import causeway
from causeway import Event, Reading, RegistrationError, on
from devices.handlers.registry import discover, restored, spec_of


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    with restored():
        yield


def handler(_items: Any, _tx: Any) -> None:
    """Do nothing."""


async def slow(_items: Any, _tx: Any) -> None:
    """Do nothing, asynchronously."""


def test_a_handler_keeps_what_it_was_given() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    on(Reading, site="hall", metric="t", start=at, on_failure="dead_letter", version=3, timeout_s=2)(handler)
    spec = spec_of(handler)
    assert (spec.name, spec.version, spec.timeout_s, spec.on_failure) == ("handlers.handler", 3, 2.0, "dead_letter")
    assert (spec.wanted.kind, spec.wanted.site, spec.wanted.metric, spec.start) == (Reading, "hall", "t", at)
    assert not spec.is_async


def test_an_async_one_is_known_as_such() -> None:
    on(Event, name="mine.slow")(slow)
    assert spec_of(slow).is_async
    assert discover()["mine.slow"].function is slow


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"kind": int}, "kind"),
        ({"kind": "Reading"}, "kind"),
        ({"site": "a b"}, "site"),
        ({"site": 3}, "site"),
        ({"device": "a"}, "device"),
        ({"tag": ""}, "tag"),
        ({"metric": ""}, "metric"),
        ({"kind": Event, "metric": "t"}, "metric"),
        ({"dialect": "no dialect"}, "dialect"),
        ({"start": "later"}, "start"),
        ({"start": datetime(2026, 1, 1)}, "start"),  # noqa: DTZ001  that is what is wrong
        ({"on_failure": "ignore"}, "on_failure"),
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": "30"}, "timeout_s"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], named: str) -> None:
    given = {"kind": Reading, **arguments}
    with pytest.raises(RegistrationError, match=rf"^handler .*: {named}: "):
        on(given.pop("kind"), **given)


def test_only_functions_can_be_handlers() -> None:
    with pytest.raises(RegistrationError, match="not a function"):
        on(Reading)(3)  # type: ignore[type-var]
    with pytest.raises(RegistrationError, match="is no handler"):
        spec_of(handler)


def test_two_of_one_name_are_refused_and_the_same_again_is_not() -> None:
    on(Reading, name="one")(handler)
    on(Reading, name="one", version=2)(handler)
    assert spec_of(handler).version == 2
    with pytest.raises(RegistrationError, match="another of this name"):
        on(Reading, name="one")(slow)


def test_an_installed_apps_module_is_found() -> None:
    assert "irrigation.irrigate" not in discover()
    sys.modules.pop("tests.apps.irrigation.causeway", None)
    with modify_settings(INSTALLED_APPS={"append": "tests.apps.irrigation"}):
        spec = discover()["irrigation.irrigate"]
    assert spec.wanted.metric == "moisture"
    assert spec.function is importlib.import_module("tests.apps.irrigation.causeway").irrigate


def test_all_kinds_are_public() -> None:
    kinds = ("Reading", "Event", "Presence", "Reported", "Desired", "CommandStep", "Registered", "Deleted")
    assert all(on(getattr(causeway, kind)) for kind in kinds)
