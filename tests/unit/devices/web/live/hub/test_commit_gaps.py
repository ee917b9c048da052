"""Lost broadcasts, and the steps of commands that they told."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.web.live.hub import commit_gaps as continuity_module
from devices.web.live.hub.commit_gaps import Continuity, Hole, LatestSteps


def test_a_missing_commit_number_is_noticed() -> None:
    continuity = Continuity()
    assert continuity.heard(0, 5)  # the first: who knows
    assert continuity.heard(0, 6)
    assert continuity.heard(1, 1)
    assert not continuity.heard(0, 8)
    assert continuity.is_late(0, 7)
    assert continuity.heard(0, 7)  # late
    assert continuity.heard(0, 9)
    assert continuity.is_late(0, 9)
    assert continuity.heard(0, 9)  # again
    assert not continuity.is_late(0, 10)
    assert not continuity.is_late(2, 0)


def test_a_lost_last_commit_is_noticed_by_comparing() -> None:
    continuity = Continuity()
    assert continuity.begin({0: 5, 1: 0}) == {0, 1}
    assert continuity.begin({0: 6, 1: 0, 2: 1}) == {2}
    assert continuity.behind({0: 5, 1: 0}) == set()
    assert continuity.behind({0: 6, 1: 0}) == {0}
    continuity.trust({0: 6, 1: 0})
    assert continuity.behind({0: 6, 1: 0}) == set()
    assert continuity.heard(0, 7)
    continuity.trust({0: 6})
    assert continuity.behind({0: 7}) == set()


def test_holes_are_what_lies_between_and_grow_together() -> None:
    continuity = Continuity()
    continuity.begin({0: 5})
    assert continuity.ask(0) is None, "nobody watched before"
    continuity.heard(0, 8)
    continuity.trust({0: 12})
    assert continuity.told == {0: 5}
    assert continuity.ask(0) == Hole(5, 12)
    assert continuity.ask(0) is None
    assert continuity.told == {0: 5}, "asked is not told"
    continuity.give_back(0)
    assert continuity.ask(0) == Hole(5, 12)
    continuity.told_upto(0, Hole(9, 12))
    continuity.heard(0, 14)
    assert continuity.told == {0: 9}
    continuity.told_upto(0, None)
    continuity.give_back(0)
    assert continuity.ask(0) == Hole(12, 13)
    continuity.told_upto(0, None)
    assert (continuity.told, continuity.last(0), continuity.last(1)) == ({0: 14}, 14, -1)


def test_nobody_knows_how_much_is_lost_while_the_layer_was_away() -> None:
    continuity = Continuity()
    continuity.doubt([0, 1])
    continuity.begin({0: 3})
    continuity.doubt([0, 1])
    assert (continuity.ask(0), continuity.ask(1)) == (Hole(3, None), None)
    continuity.forget([0])


def test_an_older_database_begins_anew() -> None:
    continuity = Continuity()
    assert continuity.restored({0: 50, 1: 7}) == set()
    continuity.begin({0: 50, 1: 7})
    continuity.heard(0, 51)
    assert continuity.restored({0: 50, 1: 7}) == set(), "heard since the survey"
    assert continuity.restored({0: 20, 1: 8}) == {0}
    assert not continuity.is_late(0, 21)
    assert continuity.heard(0, 21)


def test_only_so_many_latest_steps_are_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(continuity_module, "MOST_STEPS", 2)
    latest = LatestSteps()
    for command, commit in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest.told(command, commit)
    assert [latest.of(command) for command in "abc"] == [3, -1, 4]


# ---- every watcher learns each command's latest state, and none goes back


@dataclass
class Hub:
    """Shard 0 of a database, a hub, and a watcher of it; the hub's rules, without its loop."""

    commit: int = 0
    commands: dict[str, tuple[int, int]] = field(default_factory=dict)  # state, commit of the latest step
    continuity: Continuity = field(default_factory=Continuity)
    latest: LatestSteps = field(default_factory=LatestSteps)
    held: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # broadcasts under way
    shown: dict[str, int] = field(default_factory=dict)
    asked: tuple[Hole, int, list[tuple[str, int, int]]] | None = None  # read, not told yet
    blocked: bool = False  # the watcher has no credit
    missed: int | None = None

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
        late = self.continuity.is_late(0, commit)
        self.continuity.heard(0, commit)
        for name, state in steps.items():
            if not late:
                self.latest.told(name, commit)
                self.show(name, state, commit)

    def show(self, name: str, state: int, commit: int) -> None:
        if self.blocked:
            self.missed = min(commit - 1, commit if self.missed is None else self.missed)
            return
        assert state >= self.shown.get(name, 0), "it went back"
        self.shown[name] = state

    def ask(self) -> None:
        """The mender reads …"""
        hole = self.continuity.ask(0) if self.asked is None else None
        if hole:
            high = self.commit if hole.high is None else hole.high
            found = [(name, *of) for name, of in sorted(self.commands.items()) if hole.low < of[1] <= high]
            self.asked = (hole, high, found)

    def answer(self, *, fails: bool) -> None:
        """… and hears later."""
        if self.asked is None:
            return
        (_, _, found), self.asked = self.asked, None
        if not fails:
            for name, state, commit in found:
                if self.latest.of(name) < commit:
                    self.latest.told(name, commit)
                    self.show(name, state, commit)
            self.continuity.told_upto(0, None)
        self.continuity.give_back(0)

    def catch_up(self) -> None:
        """The watcher has credit again; read and told in two moments, between which anything may be told."""
        self.blocked = False
        missed, self.missed = self.missed, None
        high = self.continuity.last(0)
        found = [(n, *of) for n, of in self.commands.items() if missed is not None and missed < of[1] <= high]
        self.arrive(0)
        for name, state, commit in found:
            if self.latest.of(name) <= commit:
                self.show(name, state, commit)

    def block(self) -> None:
        """Its subscription leaves its room: nothing is told to it at all."""
        if not self.blocked:
            self.blocked = True
            self.missed = self.continuity.told.get(0)

    def survey(self) -> None:
        self.continuity.restored({0: self.commit})
        self.continuity.trust({0: self.commit})


names = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
acts = st.one_of(
    st.tuples(st.just("step"), names, st.sampled_from(["arrive", "arrive", "drop"])),
    st.tuples(st.just("arrive"), st.sampled_from([0, 0, 0, 1, 2])),
    st.tuples(st.sampled_from(["ask", "survey", "block", "catch_up"])),
    st.tuples(st.just("answer"), st.booleans()),
    st.tuples(st.just("rejoin")),
)


@settings(max_examples=400)
@given(st.lists(acts, max_size=60))
def test_each_commands_latest_state_is_told_and_none_goes_back(story: list[Any]) -> None:
    hub = Hub()
    hub.continuity.begin({0: 0})
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
                hub.continuity.doubt([0])
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
