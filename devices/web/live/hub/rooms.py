"""Who watches what: a room is a feed with the subscriptions that take its batches. Indexed by device and by site."""

from collections.abc import Iterator
from typing import Protocol

from devices.web.live.stream.changes import StepKind
from devices.web.live.stream.feed import Feed, FlushBatch
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target

Since = tuple[int, int]  # a shard, and a commit of it: something that a later one brought


class Receiver(Protocol):
    """A socket, as far as rooms go."""

    def deliver(self, sub: Subscription, batch: FlushBatch) -> int | None:
        """Send a batch to one of its subscriptions; how many frames. None: it lags, and the subscription has left."""

    def show_step(self, device: str, kind: StepKind, whole: bytes, since: Since) -> None:
        """Send a command, or an alert, as JSON. Who can't has missed steps ``since``: shown later, as they are then."""

    def abort(self) -> None:
        """Something of ours failed: close it, so that the client begins anew."""

    def wake(self) -> None:
        """One of its subscriptions has questions to the database."""


class Room:
    """A feed and its members."""

    def __init__(self, target: Target, options: DeliveryOptions) -> None:
        self.feed = Feed(target, options)
        self.members: dict[Subscription, Receiver] = {}


class Rooms:
    """All rooms of a process. A room is there as long as it has members."""

    def __init__(self) -> None:
        self._rooms: dict[tuple[Target, DeliveryOptions], Room] = {}
        self._by_device: dict[str, dict[Room, None]] = {}
        self._by_site: dict[str, dict[Room, None]] = {}
        self._everywhere: dict[Room, None] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def enter(self, sub: Subscription, receiver: Receiver) -> None:
        """Let a pending subscription join the feed of its target and options."""
        key = (sub.target, sub.options)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(*key)
            for index in self._indexes(sub.target):
                index[room] = None
        room.members[sub] = receiver
        sub.join(room.feed)

    def left(self, sub: Subscription) -> Room | None:
        """Forget a subscription that has paused or ends; its room, if that was the last member."""
        key = (sub.target, sub.options)
        room = self._rooms.get(key)
        if room is None or room.members.pop(sub, None) is None or room.members:
            return None
        del self._rooms[key]
        for index in self._indexes(sub.target):
            del index[room]
        self._by_device = {device: rooms for device, rooms in self._by_device.items() if rooms}
        return room

    def of_subscription(self, sub: Subscription) -> Room | None:
        """The room that a subscription is in."""
        room = self._rooms.get((sub.target, sub.options))
        return room if room is not None and sub in room.members else None

    def of(self, device: str) -> list[Room]:
        """The rooms that watch a device."""
        found = [*self._by_device.get(device, ()), *self._everywhere]
        if self._by_site:
            found += self._by_site.get(device.partition("/")[0], ())
        return found

    def targets(self) -> list[Target]:
        """At most two targets that cover all that is watched."""
        if self._everywhere:
            return [Target()]
        sites = frozenset(site for site, rooms in self._by_site.items() if rooms)
        devices = frozenset(device for device in self._by_device if device.partition("/")[0] not in sites)
        out = [Target(sites=sites)] if sites else []
        return [*out, Target(devices=devices)] if devices else out

    def _indexes(self, target: Target) -> Iterator[dict[Room, None]]:
        if target.devices is not None:
            for device in target.devices:
                yield self._by_device.setdefault(device, {})
        elif target.sites is not None:
            for site in target.sites:
                yield self._by_site.setdefault(site, {})
        else:
            yield self._everywhere
