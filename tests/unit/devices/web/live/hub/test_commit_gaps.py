"""Lost broadcasts, and the steps of commands that they brought."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.web.live.hub import commit_gaps as commit_gaps_module
from devices.web.live.hub.commit_gaps import CommitGap, CommitTracker, LatestSteps


def test_a_missing_commit_number_is_noticed() -> None:
    tracker = CommitTracker()
    assert tracker.heard(0, 5)  # the first: who knows
    assert tracker.heard(0, 6)
    assert tracker.heard(1, 1)
    assert not tracker.heard(0, 8)
    assert tracker.is_late(0, 7)
    assert tracker.heard(0, 7)  # late
    assert tracker.heard(0, 9)
    assert tracker.is_late(0, 9)
    assert tracker.heard(0, 9)  # again
    assert not tracker.is_late(0, 10)
    assert not tracker.is_late(2, 0)


def test_a_lost_last_commit_is_noticed_by_comparing() -> None:
    tracker = CommitTracker()
    assert tracker.begin({0: 5, 1: 0}) == {0, 1}
    assert tracker.begin({0: 6, 1: 0, 2: 1}) == {2}
    assert tracker.behind({0: 5, 1: 0}) == set()
    assert tracker.behind({0: 6, 1: 0}) == {0}
    tracker.trust({0: 6, 1: 0})
    assert tracker.behind({0: 6, 1: 0}) == set()
    assert tracker.heard(0, 7)
    tracker.trust({0: 6})
    assert tracker.behind({0: 7}) == set()


def test_gaps_are_what_lies_between_and_grow_together() -> None:
    tracker = CommitTracker()
    tracker.begin({0: 5})
    assert tracker.take_gap(0) is None, "nobody watched before"
    tracker.heard(0, 8)
    tracker.trust({0: 12})
    assert tracker.notified_up_to == {0: 5}
    assert tracker.take_gap(0) == CommitGap(5, 12)
    assert tracker.take_gap(0) is None
    assert tracker.notified_up_to == {0: 5}, "asked is not shown"
    tracker.give_back(0)
    assert tracker.take_gap(0) == CommitGap(5, 12)
    tracker.settle(0, 9, CommitGap(9, 12))
    tracker.heard(0, 14)
    assert tracker.notified_up_to == {0: 9}
    tracker.settle(0, 12, None)
    tracker.give_back(0)
    assert tracker.take_gap(0) == CommitGap(12, 13)
    tracker.settle(0, 13, None)
    assert (tracker.notified_up_to, tracker.last(0), tracker.last(1)) == ({0: 14}, 14, -1)


def test_nobody_knows_how_much_is_lost_while_the_layer_was_away() -> None:
    tracker = CommitTracker()
    tracker.doubt([0, 1])
    tracker.begin({0: 3})
    tracker.doubt([0, 1])
    assert (tracker.take_gap(0), tracker.take_gap(1)) == (CommitGap(3, None), None)
    tracker.settle(0, 6, None)
    assert tracker.last(0) == 6, "more than was heard"
    assert tracker.behind({0: 6}) == {0}, "which says nothing of devices"
    assert tracker.restored({0: 6}) | tracker.restored({0: 2}) == {0}
    assert tracker.last(0) == 2
    tracker.forget([0])


def test_an_older_database_begins_anew() -> None:
    tracker = CommitTracker()
    assert tracker.restored({0: 50, 1: 7}) == set()
    tracker.begin({0: 50, 1: 7})
    tracker.heard(0, 51)
    assert tracker.restored({0: 50, 1: 7}) == set(), "heard since the survey"
    assert tracker.restored({0: 20, 1: 8}) == {0}
    assert not tracker.is_late(0, 21)
    assert tracker.heard(0, 21)


def test_only_so_many_latest_steps_are_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(commit_gaps_module, "MOST_STEPS", 2)
    latest = LatestSteps()
    for command, commit in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest.record(command, commit)
    assert [latest.of(command) for command in "abc"] == [3, -1, 4]


# ---- every watcher learns each command's latest state, and none goes back


@dataclass
class Hub:
    """Shard 0 of a database, a hub, and a watcher of it; the hub's rules, without its loop."""

    commit: int = 0
    commands: dict[str, tuple[int, int]] = field(default_factory=dict)  # state, commit of the latest step
    tracker: CommitTracker = field(default_factory=CommitTracker)
    latest: LatestSteps = field(default_factory=LatestSteps)
    held: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # broadcasts under way
    shown: dict[str, int] = field(default_factory=dict)
    asked: tuple[CommitGap, int, list[tuple[str, int, int]]] | None = None  # read, not shown yet
    blocked: bool = False  # the watcher has no credit
    missed: int | None = None
    own: LatestSteps = field(default_factory=LatestSteps)  # the watcher's own answers

    def step(self, names: list[str], fate: str) -> None:
        """One transaction of the worker."""
        self.commit += 1
        for name in names:
            self.commands[name] = (self.commands.get(name, (0, 0))[0] + 1, self.commit)
        if fate != "drop":
            self.held.append((self.commit, {name: self.commands[name][0] for name in names}))

    def arrive(self, index: int) -> None:
        if not self.held:
            return
        commit, steps = self.held.pop(index % len(self.held))
        late = self.tracker.is_late(0, commit)
        self.tracker.heard(0, commit)
        for name, state in steps.items():
            if not late:
                self.latest.record(name, commit)
                self.show(name, state, commit)

    def show(self, name: str, state: int, commit: int) -> None:
        if self.own.of(name) > commit:
            return
        if self.blocked:
            self.missed = min(commit - 1, commit if self.missed is None else self.missed)
            return
        assert state >= self.shown.get(name, 0), "it went back"
        self.shown[name] = state

    def ask(self) -> None:
        """The repair reads …"""
        gap = self.tracker.take_gap(0) if self.asked is None else None
        if gap:
            high = self.commit if gap.high is None else gap.high
            found = [(name, *of) for name, of in sorted(self.commands.items()) if gap.low < of[1] <= high]
            self.asked = (gap, high, found)

    def answer(self, *, fails: bool) -> None:
        """… and hears later."""
        if self.asked is None:
            return
        (_, high, found), self.asked = self.asked, None
        if not fails:
            for name, state, commit in found:
                if self.latest.of(name) < commit:
                    self.latest.record(name, commit)
                    self.show(name, state, commit)
            self.tracker.settle(0, high, None)
        self.tracker.give_back(0)

    def catch_up(self) -> None:
        """The watcher has credit again; read and shown in two moments, between which anything may be shown."""
        self.blocked = False
        missed, self.missed = self.missed, None
        high = self.tracker.last(0)
        found = [(n, *of) for n, of in self.commands.items() if missed is not None and missed < of[1] <= high]
        self.arrive(0)
        for name, state, commit in found:
            if self.latest.of(name) <= commit:
                self.show(name, state, commit)
                self.own.record(name, commit)

    def block(self) -> None:
        """Its subscription leaves its room: nothing is shown to it at all."""
        if not self.blocked:
            self.blocked = True
            self.missed = self.tracker.notified_up_to.get(0)

    def survey(self) -> None:
        self.tracker.restored({0: self.commit})
        self.tracker.trust({0: self.commit})


names = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
acts = st.one_of(
    st.tuples(st.just("step"), names, st.sampled_from(["arrive", "arrive", "drop"])),
    st.tuples(st.just("arrive"), st.sampled_from([0, 0, 0, 1, 2])),
    st.tuples(st.sampled_from(["ask", "survey", "block", "catch_up"])),
    st.tuples(st.just("answer"), st.booleans()),
    st.tuples(st.just("rejoin")),
)


# A step that nobody heard, found by a question without end, while its watcher has no credit.
UNHEARD = [("block",), ("rejoin",), ("step", ["a"], "arrive"), ("ask",), ("rejoin",), ("answer", False), ("catch_up",)]

# A broadcast that was under way while a question without end had its step, and a later one, answered.
OVERTAKEN = [("rejoin",), ("step", ["a"], "arrive"), ("step", ["a"], "arrive"), ("ask",), ("answer", False)]

# An answer of old to the hub that comes after the watcher was answered by itself.
OUTDATED = [
    *(("rejoin",), ("step", ["a"], "arrive"), ("ask",), ("block",), ("step", ["a"], "arrive")),
    *(("survey",), ("catch_up",), ("answer", False)),
]


@settings(max_examples=400)
@example(UNHEARD)
@example(OVERTAKEN)
@example(OUTDATED)
@given(st.lists(acts, max_size=60))
def test_each_commands_latest_state_is_shown_and_none_goes_back(story: list[Any]) -> None:
    hub = Hub()
    hub.tracker.begin({0: 0})
    for one in story:
        match one:
            case "step", which, fate:
                hub.step(which, fate)
            case "arrive", index:
                hub.arrive(index)
            case "answer", fails:
                hub.answer(fails=fails)
            case ("rejoin",):
                hub.held.clear()
                hub.tracker.doubt([0])
            case (what,):
                getattr(hub, what)()
    for _ in range(3):
        while hub.held:
            hub.arrive(0)
        hub.survey()
        hub.answer(fails=False)
        hub.ask()
        hub.answer(fails=False)
        if hub.blocked or hub.missed is not None:
            hub.catch_up()
    assert hub.shown == {name: state for name, (state, _) in hub.commands.items()}
