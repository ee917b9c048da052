"""What may be attended, who is shown to whom, and that processes agree whatever is lost between them."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.web.live.attendance.rules import messages
from devices.web.live.attendance.rules.messages import Ask, Beat, Change, Left, Message, Told, in_portions, pack, unpack
from devices.web.live.attendance.rules.neighbours import PATIENCE, Neighbours
from devices.web.live.attendance.rules.own import OwnAttendance
from devices.web.live.attendance.rules.people import (
    MOST_SHOWN,
    MOST_SITES,
    Person,
    Stay,
    body_of,
    person_of,
    shown_to,
    together,
)
from devices.web.live.attendance.rules.places import kind_of
from devices.web.live.stream.people_frames import PeopleFrame
from devices.web.live.stream.server_frames import decode

ANN, BOB = Person("1", "ann", frozenset(["demo"])), Person("2", "bob", frozenset(["home"]))
ROOT = Person("3", "root", None)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("demo/a", "device"),
        ("demo/hub~lamp", "device"),
        ("page:fleet", "page"),
        ("page:x/dev", None),
        ("app:plants/map", "app"),
        ("app:my_app/live.map-1", "app"),
        ("app:2/dev", None),
        ("", None),
        ("demo", None),
        ("demo/", None),
        ("demo/a/b", None),
        ("demo/..", None),
        ("page:", None),
        ("page:two words", None),
        (f"page:{'x' * 65}", None),
        ("app:plants", None),
        ("app:plants/", None),
        ("app:/map", None),
        ("app:plants/a/b", None),
        ("demo/a\n", None),
        ("demo/\x00", None),
    ],
)
def test_places(place: str, kind: str | None) -> None:
    assert kind_of(place) == kind


def test_a_person_is_shown_once_with_the_strongest_doing_and_the_earliest_since() -> None:
    stays = [Stay(ANN, "viewing", 7), Stay(BOB, "editing", 3), Stay(ANN, "commanding", 9), Stay(ANN, "editing", 8)]
    assert together(stays) == {"1": Stay(ANN, "commanding", 7), "2": Stay(BOB, "editing", 3)}


def test_at_a_page_whoever_has_a_site_in_common_is_shown_and_at_a_device_all() -> None:
    stays = [Stay(one, "viewing", since) for since, one in enumerate((BOB, ANN, ROOT))]

    def names(viewer: Person, *, is_device: bool) -> list[str]:
        return [one.person.name for one in shown_to(viewer, stays, is_device=is_device)]

    assert names(ANN, is_device=False) == ["ann", "root"]
    assert names(BOB, is_device=False) == ["bob", "root"]
    assert names(ROOT, is_device=False) == ["bob", "ann", "root"]
    assert names(ANN, is_device=True) == ["bob", "ann", "root"]


def test_who_is_about_to_do_something_comes_first_and_a_frame_is_bounded() -> None:
    crowd = [Stay(Person(str(number), f"u{number:03}"), "viewing", number) for number in range(MOST_SHOWN + 5)]
    crowd.append(Stay(Person("x", "\x00" * 254), "commanding", 10**13))
    body = body_of(shown_to(ROOT, crowd, is_device=True))
    frame = decode(body.frame(1, b'"demo/a"'))
    assert isinstance(frame, PeopleFrame)
    assert (frame.place, frame.count, len(frame.people)) == ("demo/a", MOST_SHOWN + 6, MOST_SHOWN)
    assert [one.doing for one in frame.people[:2]] == ["commanding", "viewing"]
    assert [one.user for one in frame.people[1:]] == [f"u{number:03}" for number in range(MOST_SHOWN - 1)]
    assert body.size < 512 * 1024


def test_a_frame_has_the_fields_of_the_contract_and_no_others() -> None:
    body = body_of([Stay(ANN, "viewing", 17)])
    assert msgspec.json.decode(body.frame(3, b'"page:x"')) == {
        "n": 3,
        "type": "people",
        "place": "page:x",
        "people": [{"user": "ann", "doing": "viewing", "since": 17}],
    }


def test_a_person_is_bounded() -> None:
    person = person_of(7, "n" * 1000, {f"s{number}" for number in range(2000)})
    assert len(person.name) == 254
    assert person.sites is not None
    assert len(person.sites) == MOST_SITES


@pytest.mark.parametrize(
    "message",
    [
        Told("a", 1, [Change("demo/a", "1", "ann", "viewing", 7), Change("page:x", "2")], begins=True),
        Beat("a", 3, 4),
        Ask("a"),
        Ask("a", "b"),
        Left("a"),
    ],
)
def test_messages_come_back_as_they_were(message: Message) -> None:
    assert unpack(pack(message)) == message


@pytest.mark.parametrize("body", [None, b"", b"nonsense", 7, "text", msgspec.msgpack.encode({"type": "told"})])
def test_what_is_no_message_is_none(body: Any) -> None:
    assert unpack({"type": messages.KIND, "body": body}) is None


def test_messages_are_bounded() -> None:
    sites = tuple(f"site-{number:050}" for number in range(MOST_SITES))
    changes = [Change(f"page:{number}", "1", "n" * 254, "viewing", 1, sites) for number in range(20)]
    portions = list(in_portions(changes))
    assert [one for portion in portions for one in portion] == changes
    assert all(len(pack(Told("a", 1, portion))["body"]) < 64 * 1024 for portion in portions)


# Between processes ---------------------------------------------------------------------------------------------------


class Web:
    """A process, as its exchange has it, without time."""

    def __init__(self, name: str) -> None:
        self.own: OwnAttendance[str] = OwnAttendance(name)
        self.neighbours = Neighbours()

    def people(self, place: str) -> dict[str, Stay]:
        return together([*self.own.stays(place), *self.neighbours.stays(place)])


def beats(webs: list[Web]) -> Iterator[tuple[Web, Web, Any]]:
    for sender in webs:
        for hearer in webs:
            if sender is not hearer:
                yield sender, hearer, hearer.neighbours.hear(Beat(sender.own.process, sender.own.n, 1))


steps = st.lists(
    st.tuples(
        st.integers(0, 2),  # the process
        st.sampled_from(["tab", "other"]),
        st.sampled_from(["demo/a", "page:x"]),
        st.sampled_from([None, "viewing", "editing", "commanding"]),
        st.sampled_from([ANN, BOB, ROOT]),
        st.sets(st.sampled_from([0, 1, 2])),  # who hears of it
        st.sampled_from(["news", "news", "news", "whole", "silence"]),
        st.booleans(),  # is it heard twice
    ),
    max_size=16,
)


@given(steps=steps)
def test_all_processes_agree_whatever_is_lost_between_them(steps: list[Any]) -> None:
    webs = [Web(name) for name in "abc"]
    for time, (number, socket, place, doing, person, hearers, told, twice) in enumerate(steps):
        web = webs[number]
        if doing is None:
            web.own.remove(place, socket)
        else:
            web.own.set(place, socket, Stay(person, doing, time))
        if told == "silence":
            continue
        said = web.own.news() + (web.own.whole() if told == "whole" else [])
        for message in said * (2 if twice else 1):
            for hearer in hearers - {number}:
                webs[hearer].neighbours.hear(message)
    for web in webs:  # the network is whole from here on
        for message in web.own.news():
            for other in webs:
                if other is not web:
                    other.neighbours.hear(message)
    for sender, hearer, heard in beats(webs):
        for message in sender.own.whole() if heard.asks else []:
            hearer.neighbours.hear(message)
            # the others hear it, too
            for other in webs:
                if other not in (sender, hearer):
                    other.neighbours.hear(message)
    for place in ("demo/a", "page:x"):
        truth = together(stay for web in webs for stay in web.own.stays(place))
        for web in webs:
            found = web.people(place)
            assert {key: (one.doing, one.since) for key, one in found.items()} == {
                key: (one.doing, one.since) for key, one in truth.items()
            }
            if place == "page:x":
                assert {key: one.person.sites for key, one in found.items()} == {
                    key: one.person.sites for key, one in truth.items()
                }
    assert not [heard for _, _, heard in beats(webs) if heard.asks]


def heard_of(name: str) -> tuple[Neighbours, OwnAttendance[str]]:
    own: OwnAttendance[str] = OwnAttendance(name)
    own.set("demo/a", "tab", Stay(ANN, "viewing", 1))
    neighbours = Neighbours()
    for told in own.news():
        assert neighbours.hear(told) == ({"demo/a"}, False)
    return neighbours, own


def test_a_process_that_is_silent_for_some_of_our_beats_is_gone() -> None:
    neighbours, own = heard_of("a")
    for _ in range(PATIENCE - 1):
        assert neighbours.beat() == set()
    neighbours.hear(Beat("a", own.n, 1))
    for _ in range(PATIENCE - 1):
        assert neighbours.beat() == set()
    assert list(neighbours.stays("demo/a"))
    assert neighbours.beat() == {"demo/a"}
    assert not list(neighbours.stays("demo/a"))
    assert not neighbours
    assert neighbours.hear(Beat("a", own.n, 2)).asks, "it was only held up: it is asked for the whole"


def test_a_process_that_says_goodbye_is_gone_at_once() -> None:
    neighbours, _ = heard_of("a")
    assert neighbours.hear(Left("a")) == ({"demo/a"}, False)
    assert not neighbours


def test_who_leaves_a_place_is_told_to_be_gone() -> None:
    neighbours, own = heard_of("a")
    own.remove("demo/a", "tab")
    for told in own.news():
        assert neighbours.hear(told).places == {"demo/a"}
    assert not neighbours
    assert not own
    assert not own.has_news


def test_of_people_at_devices_no_sites_are_told() -> None:
    own: OwnAttendance[str] = OwnAttendance("a")
    own.set("demo/a", "tab", Stay(ANN, "viewing", 1))
    own.set("page:x", "tab", Stay(ANN, "viewing", 1))
    told = {change.place: change.sites for message in own.news() for change in message.changes}
    assert told == {"demo/a": (), "page:x": ("demo",)}
