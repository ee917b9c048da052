"""The first showing, pausing, holding back: what the stream rule's properties don't show."""

from typing import Any

import msgspec

from bridge.messages import Delta, Gone
from devices.web.live.stream.changes import Answer, NotFound, Replayed, Snapshot
from devices.web.live.stream.feed import Feed
from devices.web.live.stream.rendering import Body
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target

SITE = Target(sites=frozenset(["s"]))


def subscribe(target: Target = SITE, feed: Feed | None = None, **known: int) -> tuple[Subscription, Feed]:
    revs = {f"s/{name}": rev for name, rev in known.items()}
    sub, feed = Subscription(b'"1"', target, DeliveryOptions(), revs), feed or Feed(target, DeliveryOptions())
    sub.join(feed)
    return sub, feed


def frames(bodies: list[Body]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(body.frame(1, b'"1"')) for body in bodies]


def fresh(name: str, rev: int = 1, reason: Any = "subscribe") -> Snapshot:
    return Snapshot(f"s/{name}", rev, reason, msgspec.json.encode({"device": f"s/{name}", "rev": rev}))


def delta(name: str, prev: int, rev: int) -> Delta:
    item = {"device": f"s/{name}", "prev": prev, "rev": rev, "readings": []}
    return Delta(f"s/{name}", prev, rev, msgspec.json.encode(item))


def shown(target: Target = SITE) -> tuple[Subscription, Feed]:
    """A subscription that stands at s/a, rev 1, in step."""
    sub, feed = subscribe(target)
    sub.listed([("s/a", 1)])
    sub.settle([fresh("a")])
    assert not sub.own
    return sub, feed


def test_an_empty_site_is_shown_by_one_empty_snapshot() -> None:
    sub, _ = subscribe()
    [frame] = frames(sub.listed([]))
    assert frame == {"n": 1, "type": "snapshot", "sub": "1", "reason": "subscribe", "more": False, "devices": []}


def test_the_last_page_says_that_there_is_no_more() -> None:
    sub, _ = subscribe()
    assert sub.listed([("s/a", 1), ("s/b", 1), ("s/c", 1)]) == []
    [page] = frames(sub.settle([fresh("a"), fresh("b")]))
    assert page["more"] is True
    [page] = frames(sub.settle([fresh("c")]))
    assert page["more"] is False


def test_a_last_page_that_vanished_is_replaced_by_an_empty_one() -> None:
    sub, _ = subscribe()
    sub.listed([("s/a", 1), ("s/b", 1)])
    [page] = frames(sub.settle([fresh("a")]))
    assert page["more"] is True
    [page] = frames(sub.settle([NotFound("s/b")]))
    assert (page["type"], page["more"], page["devices"]) == ("snapshot", False, [])


def test_one_named_device_that_vanished_is_gone() -> None:
    sub, _ = subscribe(Target(devices=frozenset(["s/a"])))
    sub.listed([("s/a", 1)])
    [frame] = frames(sub.settle([NotFound("s/a")]))
    assert (frame["type"], frame["device"]) == ("gone", "s/a")


def test_the_first_are_shown_and_followed_while_others_are_still_to_be_listed() -> None:
    sub, feed = subscribe()
    assert sub.listed([("s/a", 1), ("s/b", 1)], "s/b") == []
    [page] = frames(sub.settle([fresh("a"), fresh("b")]))
    assert ([one["device"] for one in page["devices"]], page["more"]) == (["s/a", "s/b"], True)
    feed.take(delta("a", 1, 2))
    feed.take(delta("c", 3, 4))  # it will be listed, or was made just now
    batch = feed.flush(0.0)
    assert batch is not None
    assert [one["items"][0]["rev"] for one in frames(sub.take(batch))] == [2]
    assert (sub.listed_upto, sub.is_listing) == ("s/b", True)
    assert [(one["more"], one["devices"]) for one in frames(sub.listed([]))] == [(False, [])]
    assert [query.device for query in sub.queries(9)] == ["s/c"]
    assert not sub.is_listing


def test_what_changed_before_it_was_listed_is_asked_about() -> None:
    sub, feed = subscribe(a=1, b=5)
    feed.take(delta("b", 5, 6))  # after the list below was read, before it is here
    sub.listed([("s/a", 1)], "s/a")
    sub.listed([("s/b", 5)])
    assert [(query.device, query.since) for query in sub.queries(9)] == [("s/b", 5)]


def test_what_a_listed_feed_hands_out_before_it_was_listed_here_is_asked_about() -> None:
    _, feed = shown()
    sub, _ = subscribe(feed=feed, a=1)
    feed.take(delta("a", 1, 2))
    batch = feed.flush(0.0)
    assert batch is not None
    assert sub.take(batch) == []
    sub.listed([("s/a", 1)])  # read before that
    assert [(query.device, query.since) for query in sub.queries(9)] == [("s/a", 1)]


def test_what_was_deleted_between_reading_the_list_and_taking_it_is_asked_about() -> None:
    _, feed = shown()
    sub, _ = subscribe(feed=feed, a=1)
    feed.take(Gone("s/a"))
    feed.sequencer.settle(NotFound("s/a"))
    batch = feed.flush(0.0)
    assert batch is not None
    assert sub.take(batch) == []
    sub.listed([("s/a", 1)])
    assert [(query.device, query.since) for query in sub.queries(9)] == [("s/a", 1)]


def test_what_is_made_behind_the_list_is_asked_about_at_its_end() -> None:
    _, feed = shown()
    sub, _ = subscribe(feed=feed)
    sub.listed([("s/a", 1)], "s/a")
    feed.discover("s/0")
    feed.sequencer.settle(fresh("0", 1, "new"))
    batch = feed.flush(0.0)
    assert batch is not None
    assert sub.take(batch) == []
    sub.listed([])
    assert [query.device for query in sub.queries(9)] == ["s/a", "s/0"]


def test_what_the_feed_has_and_the_list_has_not_is_asked_about_at_its_end() -> None:
    _, feed = shown()
    sub, _ = subscribe(feed=feed)
    sub.listed([])  # deleted, and the feed has not heard it
    assert [query.device for query in sub.queries(9)] == ["s/a"]


def test_who_is_paused_while_listing_knows_where_it_stood() -> None:
    sub, feed = subscribe(a=1, b=5, d=7)
    sub.listed([("s/a", 1), ("s/c", 2)], "s/c")
    sub.settle([fresh("c", 2)])
    sub.pause()
    sub.join(feed)
    assert sub.listed([("s/a", 1), ("s/b", 5), ("s/c", 3), ("s/d", 7)]) != []
    assert [(query.device, query.since) for query in sub.queries(9)] == [("s/c", 2)]


def test_a_device_held_back_before_it_is_listed_says_nothing_until_it_is_released() -> None:
    sub, _ = subscribe()
    sub.listed([("s/a", 1)], "s/a")
    sub.hold("s/b")
    sub.hold("s/none")
    sub.listed([("s/b", 2)])
    assert [query.device for query in sub.queries(9)] == ["s/a"]
    sub.release("s/b")
    sub.release("s/none")
    assert [query.device for query in sub.queries(9)] == ["s/a", "s/b"]
    sub.settle([fresh("a"), fresh("b", 2)])
    assert not sub.own


def test_who_resumes_with_everything_gets_nothing() -> None:
    sub, _ = subscribe(a=1, b=5)
    assert sub.listed([("s/a", 1), ("s/b", 5)]) == []
    assert not sub.has_queries


def test_who_resumes_gets_what_is_new_what_changed_and_what_is_gone() -> None:
    sub, _ = subscribe(a=1, b=5, c=7)
    assert sub.listed([("s/a", 1), ("s/b", 6), ("s/new", 1)]) == []
    assert {query.device: query.since for query in sub.queries(9)} == {"s/new": None, "s/b": 5, "s/c": 7}
    answers: list[Answer] = [fresh("new"), Replayed("s/b", 6, (delta("b", 5, 6),), complete=True), NotFound("s/c")]
    assert {frame["type"] for frame in frames(sub.settle(answers))} == {"snapshot", "delta", "gone"}


def test_in_step_the_feeds_bodies_are_passed_on_as_they_are() -> None:
    sub, feed = shown()
    feed.take(delta("a", 1, 2))
    batch = feed.flush(0.0)
    assert batch is not None
    assert sub.take(batch) is batch.bodies


def test_who_was_paused_goes_on_where_it_was() -> None:
    sub, feed = shown()
    feed.take(delta("a", 1, 2))
    missed = feed.flush(0.0)
    assert missed is not None
    sub.pause(missed)
    sub.join(feed)
    sub.listed([("s/a", 2)])
    assert [(query.device, query.since) for query in sub.queries(9)] == [("s/a", 1)]


def test_a_second_subscription_that_is_ahead_of_the_feed_drops_what_it_has() -> None:
    _, feed = shown()
    feed.take(delta("a", 1, 2))  # pending
    second, _ = subscribe(feed=feed)
    second.listed([("s/a", 3)])
    second.settle([fresh("a", rev=3)])
    assert list(second.own) == ["s/a"]
    feed.take(delta("a", 2, 3))
    feed.take(delta("a", 3, 4))
    batch = feed.flush(1.0)
    assert batch is not None
    [frame] = frames(second.take(batch))
    assert [(item["prev"], item["rev"]) for item in frame["items"]] == [(3, 4)]
    assert not second.own


def test_a_device_held_back_waits_and_the_others_do_not() -> None:
    sub, feed = shown()
    feed.take(delta("b", 0, 1))
    feed.sequencer.settle(fresh("b", reason="new"))
    batch = feed.flush(0.0)
    assert batch is not None
    sub.take(batch)
    sub.hold("s/a")
    feed.take(delta("a", 1, 2))
    feed.take(delta("b", 1, 2))
    batch = feed.flush(1.0)
    assert batch is not None
    [frame] = frames(sub.take(batch))
    assert [item["device"] for item in frame["items"]] == ["s/b"]
    assert not sub.has_queries
    [frame] = frames(sub.release("s/a"))
    assert [item["device"] for item in frame["items"]] == ["s/a"]
    assert not sub.own


def test_what_is_no_longer_watched_is_gone() -> None:
    sub, _ = shown()
    sub.pause()
    [frame] = frames(sub.retarget(Target(sites=frozenset(["t"]))))
    assert (frame["type"], frame["device"]) == ("gone", "s/a")
