"""The stream rule under a layer that drops, repeats and reorders, and clients that lag, leave and come back."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.web.live.stream.changes import Answer, StreamChange
from devices.web.live.stream.feed import Feed
from devices.web.live.stream.positions import Position, read
from devices.web.live.stream.rendering import Body
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target
from tests.unit.devices.web.live.world import Client, Database, steps

LISTED_AT_ONCE = 1
DEVICES = ["s/a", "s/b", "t/c"]
TARGETS = [
    Target(),
    Target(sites=frozenset(["s"])),
    Target(devices=frozenset(["s/a"])),
    Target(devices=frozenset(["s/b", "t/c"])),
]
OPTIONS = [DeliveryOptions(), DeliveryOptions(readings="latest"), DeliveryOptions(max_rate_hz=0.5)]


@dataclass
class Viewer:
    """A client that goes on for ever, and its present subscription, if it has one."""

    client: Client
    target: Target
    options: DeliveryOptions
    sub: Subscription | None = None
    listing: tuple[int, list[tuple[str, int]], str | None] | None = None  # read, not delivered yet; up to which
    answers: tuple[int, list[Answer]] | None = None
    position: Position = field(default_factory=lambda: Position("s", {}))  # what ids of its events would say

    def show(self, bodies: Sequence[Body]) -> None:
        for body in bodies:
            frame = body.frame(1, b'"1"')
            self.client.take(frame)
            self.position.take(read(frame))
            assert {device: rev for device, rev in self.position.moved.items() if rev is not None} == self.client.revs


@dataclass
class Web:
    """What hub and sockets do with the pure parts."""

    database: Database = field(default_factory=Database)
    now: float = 0.0
    layer: deque[StreamChange] = field(default_factory=deque)
    feeds: dict[tuple[Target, DeliveryOptions], Feed] = field(default_factory=dict)
    viewers: list[Viewer] = field(default_factory=list)
    asked: list[tuple[Feed, list[Answer]]] = field(default_factory=list)
    lost: bool = False  # whether a broadcast was

    def viewer(self, target: Target, options: DeliveryOptions) -> Viewer:
        latest, named = options.readings == "latest", target.devices is not None
        return Viewer(Client(self.database, latest=latest, named=named), target, options)

    # The layer

    def broadcast(self, changes: list[StreamChange], fate: str) -> None:
        if fate == "drop":
            self.lost = True
            return
        self.layer.extend(changes * (2 if fate == "repeat" else 1))

    def deliver(self, index: int) -> None:
        if self.layer:
            self.layer.rotate(-(index % len(self.layer)))
            change = self.layer.popleft()
            self.layer.rotate(index % (len(self.layer) + 1))
            for feed in self.feeds.values():
                if feed.target.covers(change.device):
                    feed.take(change)

    # The hub

    def flush(self, seconds: float, lagging: int) -> None:
        self.now += seconds
        for key, feed in self.feeds.items():
            batch = feed.flush(self.now)
            for number, viewer in enumerate(self.viewers):
                if batch is None or viewer.sub is None or viewer.sub.feed is not feed:
                    continue
                if number == lagging:
                    self.pause(viewer, batch)
                else:
                    viewer.show(viewer.sub.take(batch))
            assert key == (feed.target, feed.options)
        self.drop_idle_feeds()

    def drop_idle_feeds(self) -> None:
        used = {id(viewer.sub.feed) for viewer in self.viewers if viewer.sub and viewer.sub.feed}
        self.feeds = {key: feed for key, feed in self.feeds.items() if id(feed) in used}

    def ask_for_feed(self, index: int, most: int) -> None:
        """The database is asked now …"""
        for number, feed in enumerate(self.feeds.values()):
            if number == index and all(other is not feed for other, _ in self.asked):
                latest = feed.options.readings == "latest"
                answers = [self.database.ask(query, latest=latest, most=most) for query in feed.sequencer.queries(2)]
                self.asked.append((feed, answers))

    def answer_feed(self) -> None:
        """… and its answer comes later."""
        for feed, answers in self.asked:
            for one in answers:
                feed.sequencer.settle(one)
        self.asked.clear()

    def compare(self) -> None:
        """A lost commit was noticed: compare with the database."""
        for feed in self.feeds.values():
            found = dict(self.database.list(feed.target.covers))
            subs = [viewer.sub for viewer in self.viewers if viewer.sub and viewer.sub.feed is feed]
            for device in {*found, *feed.sent}:
                feed.compare(device, found.get(device))
            for sub in subs:
                for device in list(sub.own):
                    sub.compare(device, found.get(device))

    # Sockets

    def connect(self, viewer: Viewer, known: dict[str, int]) -> None:
        self.leave(viewer)
        viewer.client.complete = False
        known = {device: rev for device, rev in known.items() if viewer.target.covers(device)}
        viewer.sub = Subscription(b'"1"', viewer.target, viewer.options, known)
        viewer.client.devices = {device: viewer.client.devices[device] for device in known}
        viewer.position = Position("s", known)

    def leave(self, viewer: Viewer) -> None:
        viewer.sub = viewer.listing = viewer.answers = None
        self.drop_idle_feeds()

    def pause(self, viewer: Viewer, batch: Any = None) -> None:
        if viewer.sub and viewer.sub.feed:
            viewer.sub.pause(batch)

    def begin_listing(self, viewer: Viewer) -> None:
        if viewer.sub and viewer.sub.feed is None:
            key = (viewer.target, viewer.options)
            viewer.sub.join(self.feeds.setdefault(key, Feed(*key)))
            viewer.listing = None
        if viewer.sub and viewer.sub.is_listing and viewer.listing is None:
            rest = [one for one in self.database.list(viewer.target.covers) if one[0] > viewer.sub.listed_upto]
            some = rest[:LISTED_AT_ONCE]
            viewer.listing = (viewer.sub.life, some, some[-1][0] if len(rest) > LISTED_AT_ONCE else None)

    def end_listing(self, viewer: Viewer) -> None:
        if viewer.sub and viewer.listing and viewer.listing[0] == viewer.sub.life:
            viewer.show(viewer.sub.listed(*viewer.listing[1:]))
        viewer.listing = None

    def ask(self, viewer: Viewer, most: int) -> None:
        if viewer.sub and viewer.sub.feed and viewer.answers is None:
            latest = viewer.options.readings == "latest"
            queries = viewer.sub.queries(2)
            viewer.answers = (viewer.sub.life, [self.database.ask(one, latest=latest, most=most) for one in queries])

    def answer(self, viewer: Viewer) -> None:
        if viewer.sub and viewer.answers and viewer.answers[0] == viewer.sub.life:
            viewer.show(viewer.sub.settle(viewer.answers[1]))
        viewer.answers = None

    def catch_up(self, viewer: Viewer, most: int) -> None:
        self.begin_listing(viewer)
        self.end_listing(viewer)
        self.answer(viewer)
        self.ask(viewer, most)
        self.answer(viewer)

    # The end

    def settle(self) -> None:
        """Nothing fails any more: everybody gets what is missing, without comparing unless something was lost."""
        for _ in range(len(self.layer)):
            self.deliver(0)
        for viewer in self.viewers:
            for device in DEVICES:
                if viewer.sub:
                    viewer.show(viewer.sub.release(device))
        for _ in range(60):
            for viewer in self.viewers:
                self.end_listing(viewer)
                if viewer.sub is None:
                    self.connect(viewer, viewer.client.revs)
                self.catch_up(viewer, 50)
            for feed in self.feeds.values():  # as the hub does with new devices: the first message may change nothing
                for device, _ in self.database.list(feed.target.covers):
                    feed.discover(device)
            if self.lost:
                self.compare()
            self.answer_feed()
            for index in range(len(self.feeds)):
                self.ask_for_feed(index, 50)
            self.answer_feed()
            self.flush(10.0, -1)

    def check(self) -> None:
        for viewer in self.viewers:
            truth = {device: self.database.truth(device) for device, _ in self.database.list(viewer.target.covers)}
            if viewer.target.devices is not None:
                truth = {device: state for device, state in truth.items() if device in viewer.client.devices}
            assert viewer.client.devices == truth
            assert viewer.sub is not None
            assert not viewer.sub.is_listing
            assert not viewer.sub.has_queries
            assert not viewer.sub._own


indexes = st.integers(0, 5)
fates = st.sampled_from(["arrive", "arrive", "arrive", "drop", "repeat"])
works = st.lists(st.tuples(st.sampled_from(DEVICES), steps), min_size=1, max_size=4)
acts = st.one_of(
    st.tuples(st.just("commit"), works, fates),
    st.tuples(st.just("commit"), works, fates),
    st.tuples(st.just("delete"), st.sampled_from(DEVICES), fates),
    st.tuples(st.just("purge"), st.sampled_from(DEVICES), st.integers(1, 4)),
    st.tuples(st.just("deliver"), st.one_of(st.just(0), indexes), st.integers(1, 4)),
    st.tuples(st.just("flush"), st.sampled_from([0.001, 0.2, 3.0]), st.integers(-3, 3)),
    st.tuples(st.sampled_from(["join", "list", "ask", "answer", "leave", "return", "all"]), indexes, st.integers(1, 3)),
    st.tuples(st.just("catch up"), indexes, st.integers(1, 3)),
    st.tuples(st.sampled_from(["hold", "release"]), indexes, st.sampled_from(DEVICES)),
    st.tuples(st.just("live"), works, st.sampled_from([0.001, 0.2, 3.0])),
    st.tuples(st.sampled_from(["feed asks", "feed answers", "compare"]), indexes, st.integers(1, 3)),
)
viewers = st.lists(st.tuples(st.sampled_from(TARGETS), st.sampled_from(OPTIONS)), min_size=1, max_size=3)


def act(web: Web, one: Any) -> None:
    match one:
        case "commit", work, fate:
            web.broadcast(web.database.commit(work), fate)
        case "live", work, seconds:
            web.broadcast(web.database.commit(work), "arrive")
            for _ in range(len(web.layer)):
                web.deliver(0)
            web.flush(seconds, -1)
        case "delete", device, fate:
            web.broadcast(web.database.delete(device), fate)
        case "purge", device, count:
            web.database.purge(device, count)
        case "deliver", index, times:
            for _ in range(times):
                web.deliver(index)
        case "flush", seconds, lagging:
            web.flush(seconds, lagging)
        case "feed asks", index, most:
            web.ask_for_feed(index, most)
        case "feed answers", _, _:
            web.answer_feed()
        case "compare", _, _:
            web.compare()
        case kind, index, more:
            act_on(web, web.viewers[index % len(web.viewers)], kind, more)


def act_on(web: Web, viewer: Viewer, kind: str, more: Any) -> None:
    match kind:
        case "join":
            web.begin_listing(viewer)
        case "list":
            web.end_listing(viewer)
        case "ask":
            web.ask(viewer, more)
        case "answer":
            web.answer(viewer)
        case "catch up":
            for _ in range(more):
                web.catch_up(viewer, 50)
        case "hold" | "release" if viewer.sub and viewer.target.covers(more):
            if kind == "hold":
                viewer.sub.hold(more)
            else:
                viewer.show(viewer.sub.release(more))
        case "leave":
            web.leave(viewer)
        case "return":
            web.connect(viewer, viewer.client.revs)
        case "all":
            web.connect(viewer, {})


@settings(max_examples=200)
@given(viewers, st.lists(acts, max_size=60))
def test_every_client_ends_with_the_truth_without_gap_or_repeat(kinds: list[Any], story: list[Any]) -> None:
    web = Web()
    web.viewers = [web.viewer(target, options) for target, options in kinds]
    for viewer in web.viewers:
        web.connect(viewer, {})
    for one in story:
        act(web, one)
    web.settle()
    web.check()


# Long stories, past what hypothesis draws -----------------------------------------------------------------------

WEIGHTS = {
    "live": 20,
    "commit": 20,
    "deliver": 25,
    "flush": 20,
    "delete": 1,
    "purge": 3,
    "join": 4,
    "list": 6,
    "ask": 12,
    "answer": 12,
    "leave": 1,
    "return": 3,
    "all": 1,
    "catch up": 6,
    "hold": 2,
    "release": 3,
    "feed asks": 8,
    "feed answers": 8,
    "compare": 2,
}


def random_step(rng: random.Random) -> Any:
    def patch(depth: int = 0) -> Any:
        names = rng.sample(["a", "b", "c"], rng.randint(0, 2))
        return {
            name: patch(depth + 1) if rng.random() < 0.4 and depth < 2 else rng.choice([None, 1, [1], {}])
            for name in names
        }

    reading = {name: rng.choice([None, 1, 2, True]) for name in rng.sample(["t", "h"], rng.randint(0, 2))}
    if rng.random() < 0.3:
        reading["ts"] = 1_600_000_000_000 + rng.randint(0, 9)
    message = rng.choice([
        ("telemetry", reading),
        ("telemetry", [reading, {"t": 7}]),
        ("state", patch()),
        ("status", rng.choice(["online", "offline"])),
        ("event", 1),
    ])  # fmt: skip
    return rng.choice(
        [("message", message, rng.random() < 0.2)] * 6 + [("desired", patch()), ("tags", ["x"][: rng.randint(0, 1)])]
    )


def random_act(rng: random.Random, losses: int) -> Any:
    kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    work = [(rng.choice(DEVICES), random_step(rng)) for _ in range(rng.randint(1, 4))]
    fate = rng.choices(["arrive", "drop", "repeat"], [20, losses, 1])[0]
    match kind:
        case "live":
            return kind, work, rng.choice([0.001, 0.2, 3.0])
        case "commit":
            return kind, work, fate
        case "delete":
            return kind, rng.choice(DEVICES), fate
        case "purge":
            return kind, rng.choice(DEVICES), rng.randint(1, 9)
        case "deliver":
            return kind, rng.choice([0] * 8 + [1, 2]), rng.randint(1, 6)
        case "flush":
            return kind, rng.choice([0.001, 0.05, 0.2, 3.0]), rng.choice([-1] * 8 + [0, 1, 2])
        case "hold" | "release":
            return kind, rng.randint(0, 3), rng.choice(DEVICES)
        case _:
            return kind, rng.randint(0, 3), rng.randint(1, 3)


@settings(max_examples=60)
@given(st.integers())
def test_long_stories_end_with_the_truth(seed: int) -> None:
    rng = random.Random(seed)
    web = Web()
    for _ in range(rng.randint(1, 4)):
        web.viewers.append(web.viewer(rng.choice(TARGETS), rng.choice(OPTIONS)))
        web.connect(web.viewers[-1], {})
    losses = rng.choice([0, 1])
    for _ in range(400):
        act(web, random_act(rng, losses))
    web.settle()
    web.check()
