from devices.web.live.hub.rooms import Room, Rooms
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target


class Receiver:
    """A socket that nothing is sent to."""

    def deliver(self, *_: object) -> int:
        return 0

    def show_step(self, *_: object) -> None: ...

    def abort(self) -> None: ...

    def wake(self) -> None: ...


DEVICE, OTHER = Target(devices=frozenset(["s/a"])), Target(devices=frozenset(["t/x", "t/y"]))
SITE, ALL = Target(sites=frozenset(["s"])), Target()


def entered(rooms: Rooms, target: Target, options: DeliveryOptions | None = None) -> Subscription:
    sub = Subscription(b"1", target, options or DeliveryOptions(), {})
    rooms.enter(sub, Receiver())
    return sub


def targets(found: list[Room]) -> set[Target]:
    return {room.feed.target for room in found}


def test_a_change_is_given_to_those_who_watch_the_device() -> None:
    rooms = Rooms()
    for target in (DEVICE, OTHER, SITE, ALL):
        entered(rooms, target)
    assert targets(rooms.of("s/a")) == {DEVICE, SITE, ALL}
    assert targets(rooms.of("s/b")) == {SITE, ALL}
    assert targets(rooms.of("t/x")) == {OTHER, ALL}
    assert targets(rooms.of("u/z")) == {ALL}


def test_equal_subscriptions_share_a_feed_and_others_do_not() -> None:
    rooms = Rooms()
    first, second = entered(rooms, SITE), entered(rooms, SITE)
    slow, latest = (
        entered(rooms, SITE, DeliveryOptions(max_rate_hz=1)),
        entered(rooms, SITE, DeliveryOptions(readings="latest")),
    )
    assert first.feed is second.feed
    assert len({id(sub.feed) for sub in (first, slow, latest)}) == 3
    assert rooms.of_subscription(first) is rooms.of_subscription(second)


def test_a_room_ends_with_its_last_member() -> None:
    rooms = Rooms()
    first, second, all_of_it = entered(rooms, SITE), entered(rooms, SITE), entered(rooms, ALL)
    assert rooms.left(first) is None
    assert rooms.left(first) is None  # again
    room = rooms.left(second)
    assert room is not None
    assert room.feed is second.feed
    assert rooms.of_subscription(second) is None
    assert targets(rooms.of("s/a")) == {ALL}
    rooms.left(all_of_it)
    assert rooms.of("s/a") == []
    assert list(rooms) == []
    assert rooms.targets() == []


def test_two_targets_cover_all_that_is_watched() -> None:
    rooms = Rooms()
    for target in (DEVICE, OTHER, SITE):
        entered(rooms, target)
    assert rooms.targets() == [SITE, OTHER]  # s/a is in the site
    everything = entered(rooms, ALL)
    assert rooms.targets() == [ALL]
    rooms.left(everything)
    assert rooms.targets() == [SITE, OTHER]
