"""Presence: every transition. A world that puts them together is in test_presence_world.py."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from devices.rules.presence import (
    CONFIRM_MS,
    Evidence,
    Link,
    evaluate,
    patience_ms,
    seen,
    status_kept,
    status_replayed,
    status_reported,
    transition,
)
from devices.rules.twin import Presence, TwinState, Unconfirmed, dump, load

T0 = 1_700_000_000_000
G = "gateway"
UP = Link(up=True, since_ms=T0 - 1, drained_ms=T0 + 10**9)
GONE = Link(gone=True, since_ms=T0 + 5)


def twin_that_is(status: Any, why: Any = "message") -> TwinState:
    return TwinState(rev=7, presence=Presence(status, T0, why, 7), last_seen_ms=T0)


def evidence(link: Link = UP, *, after_ms: int = 10, stale_after_s: int | None = 300) -> Evidence:
    return Evidence(T0 + after_ms, link, {G: link}, stale_after_s)


# One by one ------------------------------------------------------------------------------------------------------

HAPPENINGS: dict[str, Callable[[TwinState], object]] = {
    "birth": lambda twin: status_reported(twin, T0 + 1, online=True, gateway=G),
    "will": lambda twin: status_reported(twin, T0 + 1, online=False, gateway=G),
    "message": lambda twin: seen(twin, T0 + 1),
    "late online": lambda twin: status_replayed(twin, T0 + 1, online=True),
    "late offline": lambda twin: status_replayed(twin, T0 + 1, online=False),
    "late message": lambda twin: seen(twin, T0 + 1, late=True),
    "retained": lambda twin: status_kept(twin, T0 + 1),
    "nothing": lambda twin: evaluate(twin, evidence()),
    "silence": lambda twin: evaluate(twin, evidence(after_ms=300_001)),
    "link gone": lambda twin: evaluate(twin, evidence(GONE)),
}
S = ("online", "offline", "stale", "unknown")
STAYS = dict.fromkeys(S)
TABLE: dict[str, dict[str, tuple[str, str] | None]] = {
    "birth": dict.fromkeys(S, ("online", "birth")) | {"online": None},
    "will": STAYS,
    "message": dict.fromkeys(S, ("online", "message")) | {"online": None},
    "late online": dict.fromkeys(S, ("online", "replayed")),
    "late offline": dict.fromkeys(S, ("unknown", "outage")) | {"offline": None},
    "late message": dict.fromkeys(S, ("online", "replayed")) | {"online": None},
    "retained": STAYS,
    "nothing": STAYS,
    "silence": STAYS | {"online": ("stale", "silence")},
    "link gone": dict.fromkeys(S, ("unknown", "link_down")) | {"unknown": None},
}


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("what", TABLE)
def test_the_table(what: str, status: str) -> None:
    twin = twin_that_is(status)
    HAPPENINGS[what](twin)
    after, expected = twin.presence, TABLE[what][status]
    if expected is None:
        assert (after, twin.rev) == (Presence(status, T0, "message", 7), 7)  # type: ignore[arg-type]
    else:
        assert (after.status, after.why, after.rev, twin.rev) == (*expected, 8, 8)
        assert (after.since == T0) == (after.status == status), "since when it is what it is"


@pytest.mark.parametrize("what", ["birth", "message"])
@pytest.mark.parametrize("doubted", ["retained", "replayed"])
def test_something_live_confirms(what: str, doubted: str) -> None:
    twin = twin_that_is("online", doubted)
    HAPPENINGS[what](twin)
    assert twin.presence == Presence("online", T0, what, 8)  # type: ignore[arg-type]


def test_case_a3_a_retained_status_leaves_what_was_never_heard_unknown() -> None:
    twin = TwinState()
    status_kept(twin, T0)
    status_kept(twin, T0 + 1)
    assert twin.presence == Presence("unknown", T0, "retained", 1)


@pytest.mark.parametrize("why", ["retained", "replayed"])
def test_what_nothing_live_confirms_becomes_unknown(why: str) -> None:
    twin = twin_that_is("online", why)
    assert not evaluate(twin, evidence(after_ms=CONFIRM_MS))
    assert evaluate(twin, evidence(after_ms=CONFIRM_MS + 1))
    assert twin.presence == Presence("unknown", T0 + CONFIRM_MS + 1, "unconfirmed", 8)
    assert patience_ms(twin, 300) == 300_000
    assert not evaluate(twin, evidence(after_ms=10 * CONFIRM_MS))


def test_a_short_limit_for_silence_comes_first() -> None:
    twin = twin_that_is("online", "replayed")
    assert patience_ms(twin, 10) == 10_000
    evaluate(twin, evidence(after_ms=CONFIRM_MS + 1, stale_after_s=10))
    assert twin.presence.why == "silence"


@pytest.mark.parametrize(
    "link",
    [
        Link(up=True, since_ms=T0 + 1000, drained_ms=T0 + 10**9),  # would not have been heard
        Link(up=True, since_ms=T0 - 1, drained_ms=T0 + 300_000),  # not applied yet
        Link(up=True, since_ms=T0 - 1, drained_ms=T0 - 2),
        Link(since_ms=T0 + 1000, drained_ms=T0 + 10**9),
    ],
)
def test_silence_counts_only_where_something_would_have_been_heard(link: Link) -> None:
    assert transition(twin_that_is("online"), evidence(link, after_ms=300_500)) is None
    assert transition(twin_that_is("online"), evidence(after_ms=300_500, stale_after_s=None)) is None


def test_a_will_waits_and_is_stored() -> None:
    twin = twin_that_is("online")
    status_reported(twin, T0 + 1, online=False, gateway=G)
    assert load(dump(twin)).unconfirmed == Unconfirmed(T0 + 1, G)
    assert not evaluate(twin, evidence(structs.replace(UP, drained_ms=T0)))
    assert evaluate(twin, evidence(structs.replace(UP, drained_ms=T0 + 1)))
    assert (twin.presence, twin.unconfirmed) == (Presence("offline", T0 + 1, "will", 8), None)
    status_reported(twin, T0 + 5, online=False, gateway=G)
    assert twin.unconfirmed is None, "there is nothing to learn from it"


@pytest.mark.parametrize(
    "link", [Link(), Link(up=True, since_ms=T0 + 2, drained_ms=T0 + 3), Link(gone=True, since_ms=T0 + 2)]
)
def test_a_will_whose_link_is_lost_tells_nothing(link: Link) -> None:
    twin = twin_that_is("stale")
    status_reported(twin, T0 + 1, online=False, gateway=G)
    assert evaluate(twin, evidence(link))
    assert (twin.presence, twin.unconfirmed) == (Presence("unknown", T0 + 1, "outage", 8), None)


def test_a_will_is_confirmed_by_its_own_gateway_only() -> None:
    twin = twin_that_is("online")
    status_reported(twin, T0 + 1, online=False, gateway="another")
    another = structs.replace(UP, drained_ms=T0)
    assert not evaluate(twin, Evidence(T0 + 10, UP, {G: UP, "another": another}, 300))
    assert evaluate(twin, Evidence(T0 + 10, UP, {G: UP}, 300))
    assert twin.presence.why == "outage"


@pytest.mark.parametrize("what", ["birth", "message", "late online", "late offline", "late message"])
def test_whatever_comes_next_ends_the_wait(what: str) -> None:
    twin = twin_that_is("online")
    status_reported(twin, T0, online=False, gateway=G)
    HAPPENINGS[what](twin)
    assert twin.unconfirmed is None
    assert twin.presence.why == {"late offline": "outage"}.get(what, "replayed" if "late" in what else "message")


@pytest.mark.parametrize("status", ["online", "offline", "stale"])
def test_under_a_link_that_is_gone_its_former_presence_is_kept(status: str) -> None:
    twin = twin_that_is(status)
    before = twin.presence
    evaluate(twin, evidence(GONE))
    assert twin.presence == Presence("unknown", T0 + 5, "link_down", 8)
    twin = load(dump(twin))
    for link in (GONE, Link(), Link(up=True, since_ms=T0 + 9, drained_ms=T0 + 8)):
        assert not evaluate(twin, evidence(link))
    assert evaluate(twin, evidence())
    assert twin.presence == structs.replace(before, rev=9)
    assert not evaluate(twin, evidence())


@pytest.mark.parametrize("what", ["birth", "message", "late online", "late offline", "late message"])
def test_what_comes_meanwhile_counts_more(what: str) -> None:
    twin = twin_that_is("online")
    evaluate(twin, evidence(GONE))
    HAPPENINGS[what](twin)
    after = twin.presence
    assert not evaluate(twin, evidence())
    assert (after.why != "link_down", twin.presence) == (True, after)


def test_who_was_offline_before_stays_so_unless_it_was_heard() -> None:
    twin = twin_that_is("offline", "will")
    evaluate(twin, evidence(GONE))
    status_replayed(twin, T0 + 6, online=False)
    status_reported(twin, T0 + 7, online=False, gateway=G)
    assert twin.presence.why == "link_down"
    evaluate(twin, evidence())
    assert (twin.presence.status, twin.presence.since) == ("offline", T0)


def test_twins_stored_before_can_be_read() -> None:
    old = b'{"rev":3,"presence":{"status":"online","since":5,"why":"birth","rev":3},"last_seen_ms":5}'
    assert load(old) == TwinState(rev=3, presence=Presence("online", 5, "birth", 3), last_seen_ms=5)
