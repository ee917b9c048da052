"""A few devices to which everything happens, in a world that fails, and what was seen of them after each commit."""

import contextlib
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from msgspec import convert

from bridge.messages import CommandStored, RequestStored
from devices.models import Change, Command, Description, Device, Reading, Twin
from devices.requests.command_storage import Wish, store
from devices.requests.registry import register_device
from devices.rules.actors import Actor
from devices.rules.described.descriptions import Kept
from devices.rules.documents import merged
from devices.rules.stream import parts
from devices.rules.twin import load_value
from devices.web.device.as_of import State, undone
from devices.worker.round import transaction
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.downlinks import answer, is_command
from tests.support.worlds.ingest_worker import Worker

_fresh = count()
Seen = dict[str, Any]  # the sections of a snapshot; empty: the device is not there


class Fleet:
    """Two devices of one shard and one of another, and a worker that dies and is followed by others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        name = f"r{next(_fresh)}-"
        self.keys = [key_in(0, name=name), key_in(0, name=name, nth=1), key_in(1, name=name)]
        self.seen: list[tuple[int, str, Seen]] = []  # after so many changes of the device, its state
        self.worker = Worker(f"worker {next(_fresh)}", epoch=next(_fresh) + 1)
        self.published: list[Any] = []

    def kill(self) -> None:
        """The worker is killed; another one takes over."""
        now_ms = self.worker.now_ms
        self.worker = Worker(f"worker {next(_fresh)}", epoch=next(_fresh) + 1, now_ms=now_ms)
        self.published = []

    # What happens -----------------------------------------------------------------------------------------------

    def do(self, steps: list[tuple[str, int, Any]], *, fails: bool) -> None:
        """One round with some steps, each what happens, to which device, and details; first it may fail at the end."""
        self.worker.now_ms += 1_000
        round_: dict[str, Any] = {"batches": (), "requests": (), "commands": (), "published": ()}
        heard: dict[int, list[Any]] = {}
        for what, which, detail in steps:
            self._prepare(what, self.keys[which % len(self.keys)], detail, round_, heard)
        round_["batches"] = tuple(self.worker.uplink.batch(*its) for its in heard.values())
        if fails:
            with self._monkeypatch.context() as patch:
                patch.setattr(transaction, "pass_fence", _fails)
                with contextlib.suppress(OperationalError):  # none if there is nothing to commit
                    self.worker.round(**round_)
        self.worker.round(**round_)
        self.published += self.worker.sent
        self.look()

    def _prepare(self, what: str, key: str, detail: Any, round_: dict[str, Any], heard: dict[int, list[Any]]) -> None:
        shard = 1 if key == self.keys[2] else 0
        match what:
            case "silence":
                self.worker.now_ms += 400_000
            case "command":
                self._store_command(key, round_)
            case "answer":
                self._answer(detail, heard)
            case "puback":
                sent = [one for one in self.published if is_command(one)]
                round_["published"] += tuple(answer(one, at_ms=self.worker.now_ms) for one in sent[-1:])
            case "cancel":
                if command := self._last_command():
                    self._ask(command.device.key, "cancel", {"command_id": str(command.pk)}, round_)
            case "provision":
                register_device(key, "system:provision_device")
            case "desired" | "tags" | "description" | "settings" | "delete" | "register" | "metric":
                self._ask(key, what, detail, round_)
            case _:
                topic, _, flag = what.partition(" ")
                one = delivery(key, topic, detail, at_ms=self.worker.now_ms, retain=flag == "retained")
                heard.setdefault(shard, []).append(one)

    def _ask(self, key: str, kind: str, body: Any, round_: dict[str, Any]) -> None:
        row = self.worker.store(key, kind, **body)
        row.created_by = "user:ann"
        row.save()
        round_["requests"] += (RequestStored(row.hash % 4, row.pk, "asker"),)

    def _store_command(self, key: str, round_: dict[str, Any]) -> None:
        if Device.objects.filter(key=key).exists():
            stored = store(Wish(uuid4(), key, "blink", {}, b"{}", 60, None, Actor("user", "bob")))
            round_["commands"] += (CommandStored(0, str(stored.command.pk)),)

    def _answer(self, status: str, heard: dict[int, list[Any]]) -> None:
        if command := self._last_command():
            key = command.device.key
            one = delivery(key, f"ack/{command.pk}", {"status": status}, at_ms=self.worker.now_ms)
            heard.setdefault(1 if key == self.keys[2] else 0, []).append(one)

    def _last_command(self) -> Command | None:
        return Command.objects.filter(device__key__in=self.keys).order_by("created_at").last()

    # What is seen -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Keep what is there, and how much has changed up to now."""
        for key in self.keys:
            self.seen.append((Change.objects.filter(device=key).count(), key, state_of(key)))

    def check(self) -> None:
        """Back from today each state is as it was seen; every change is there once; nothing was said twice."""
        for key in self.keys:
            rows = list(Change.objects.filter(device=key).order_by("commit", "nth"))
            _check_walk(rows, state_of(key), [(at, state) for at, whose, state in self.seen if whose == key])
            _check_revs(key, rows)
        _check_places()
        _check_commands()


def state_of(key: str) -> Seen:
    """As stored."""
    row = Twin.objects.filter(device__key=key).select_related("device").first()
    if row is None:
        return {}
    doc = Description.objects.filter(pk=row.pk).values_list("doc", flat=True).first()
    kept = convert(doc, Kept) if doc else None
    return normal({**parts(load_value(row.doc), kept), "settings": {"stale_after_s": row.device.stale_after_s}})


def normal(sections: Seen) -> Seen:
    """Nothing said of what it is, and what it is being empty, are one."""
    return {name: value for name, value in sections.items() if name != "description" or value}


def _check_walk(rows: list[Change], now: Seen, seen: list[tuple[int, Seen]]) -> None:
    state = State({"settings": {"stale_after_s": None}, **now}, there=bool(now))
    by_count = dict(seen)
    for at in range(len(rows), -1, -1):
        if at in by_count:
            assert normal(state.sections if state.there else {}) == by_count[at], f"after {at} changes"
        if at:
            after, row = dict(state.sections), rows[at - 1]
            undone(state, [(row.kind, row.undo)])
            if row.kind in ("reported", "desired", "description"):
                assert merged(state.sections.get(row.kind), row.patch) == after.get(row.kind, {}), f"{row.kind} forward"
            elif row.kind in ("presence", "tags", "settings"):
                assert row.patch == after[row.kind], f"{row.kind} forward"
    assert not state.there


def _check_revs(key: str, rows: list[Change]) -> None:
    """Each rev of the device's present life is that of one reading, or of one change."""
    device = Device.objects.filter(key=key).first()
    if device is None:
        return
    begun = max(index for index, row in enumerate(rows) if row.kind == "registered")
    revs = [row.rev for row in rows[begun + 1 :] if row.rev is not None]
    revs += Reading.objects.filter(device=device).values_list("rev", flat=True)
    first = rows[begun].rev or 0
    known_by_nothing_else = {1} if first == 0 else set[int]()
    assert len(revs) == len(set(revs))
    assert set(range(first + 1, Twin.objects.get(device=device).rev + 1)) - set(revs) <= known_by_nothing_else


def _check_places() -> None:
    """In each commit of a shard from 1 on, without a gap."""
    places: dict[tuple[int, int], list[int]] = {}
    for shard, commit, nth in Change.objects.order_by("shard", "commit", "nth").values_list("shard", "commit", "nth"):
        places.setdefault((shard, commit), []).append(nth)
    assert all(its == list(range(1, len(its) + 1)) for its in places.values())


def _check_commands() -> None:
    """Each step of each command that anybody was told of, once and in order, with who asked for it."""
    steps: dict[str, list[tuple[str, str]]] = {}
    for patch, actor in _of_commands():
        steps.setdefault(patch["id"], []).append((patch["status"], actor))
    for command in Command.objects.exclude(commit=0):
        recorded = steps[str(command.pk)]
        assert [status for status, _ in recorded] == [step["status"] for step in command.timeline]
        assert [actor for status, actor in recorded if status == "accepted"] == ["user:bob"]
        assert {actor for status, actor in recorded if status == "cancelled"} <= {"user:ann"}


def _of_commands() -> Iterator[tuple[dict[str, Any], str]]:
    rows = Change.objects.filter(kind="command").order_by("commit", "nth")
    yield from rows.values_list("patch", "actor")


def _fails(*_: Any) -> None:
    raise OperationalError("the connection is gone")
