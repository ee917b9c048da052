"""*Old snapshot + broadcasts = fresh snapshot*, whatever a round brings, bugs and refused rows included."""

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.messages import Delta, EventRecorded, Gone
from devices.rules.stream import snapshot
from devices.worker.link import uplink
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker, twin_of

_fresh = count()

VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 3))
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), st.one_of(VALUES, st.dictionaries(st.sampled_from("xy"), VALUES)))
WHAT = st.one_of(
    st.tuples(st.just("telemetry"), st.dictionaries(st.sampled_from("tuv"), VALUES)),
    st.tuples(st.just("telemetry"), st.lists(st.dictionaries(st.sampled_from("tuv"), VALUES), max_size=3)),
    st.tuples(st.just("state"), DOCUMENTS),
    st.tuples(st.just("status"), st.sampled_from(["online", "offline"])),
    st.tuples(st.just("event/e"), VALUES),
    st.tuples(st.just("event/boom"), VALUES),
    st.tuples(st.just("telemetry"), st.just({"refused": 1})),
    st.tuples(st.just("desired"), DOCUMENTS),
    st.tuples(st.just("tags"), st.lists(st.sampled_from(["p", "q"]))),
    st.tuples(st.just("silence"), st.none()),
)
ROUNDS = st.lists(st.lists(st.tuples(WHAT, st.booleans()), max_size=5), min_size=1, max_size=5)


class Browser:
    """Keeps one device by the stream rule; complains of gaps and repeats."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.state: dict[str, Any] = {
            "device": key,
            "rev": 0,
            "metrics": {},
            "reported": {},
            "desired": {},
            "desired_version": 0,
            "presence": {"status": "unknown", "since": 0, "why": "never_seen"},
            "tags": [],
        }

    def hear(self, worker: Worker) -> None:
        for change in (change for commit in worker.last.commits for change in commit.changes):
            assert isinstance(change, Delta | EventRecorded), change
            assert not isinstance(change, Gone)
            if change.device == self.key:
                assert change.prev == self.state["rev"], "a gap or a repeat"
                self.state["rev"] = change.rev
        for item in worker.seen:
            if item["device"] == self.key and "readings" in item:
                self._apply(item)

    def _apply(self, item: dict[str, Any]) -> None:
        for reading in item["readings"]:
            for name, value in reading["metrics"].items():
                current = self.state["metrics"].get(name)
                if current is None or reading["ts"] >= current["ts"]:
                    self.state["metrics"][name] = {"value": value, "ts": reading["ts"]}
        self.state["metrics"].update(item.get("metrics", {}))
        for section in ("reported", "desired"):
            merge(self.state[section], item.get(section, {}))
        for section in ("presence", "tags", "desired_version"):
            self.state[section] = item.get(section, self.state[section])


def merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7396."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            merge(target[key], value)
        else:
            target[key] = value


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the reducer, and a row that the database refuses."""
    from bridge.dialects.native import dialect
    from bridge.dialects.native.payloads import decode
    from bridge.observations import RawReading, Telemetry
    from devices.rules.reducer import reduce

    def broken(twin: Any, decoded: Any, *rest: Any) -> Any:
        outcome = reduce(twin, decoded, *rest)
        if getattr(decoded, "name", "") == "boom":
            raise RuntimeError("a bug, half-way")
        return outcome

    def with_a_huge_ts(kind: Any, detail: str, payload: bytes) -> Any:
        decoded = decode(kind, detail, payload)
        return Telemetry((RawReading(-(2**70), {"t": 1}),)) if b"refused" in payload else decoded

    monkeypatch.setattr(uplink, "reduce", broken)
    monkeypatch.setattr(dialect, "decode", with_a_huge_ts)


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROUNDS)
def test_a_browser_that_hears_every_broadcast_is_up_to_date(
    db: None, faults: None, rounds: list[list[tuple[tuple[str, Any], bool]]]
) -> None:
    key = key_in(0, name=f"b{next(_fresh)}-")
    worker, browser = Worker(f"worker {next(_fresh)}", epoch=next(_fresh) + 1), Browser(key)
    for one_round in rounds:
        deliveries = []
        for (what, content), retained in one_round:
            if what == "silence":
                worker.now_ms += 301_000
            elif what in ("desired", "tags"):
                worker.store(key, what, **{"patch" if what == "desired" else "tags": content})
            else:
                payload = content.encode() if what == "status" else content
                deliveries.append(delivery(key, what, payload, at_ms=worker.now_ms, retain=retained))
        worker.hear(*deliveries) if deliveries else worker.round()
        browser.hear(worker)
    if browser.state["rev"]:
        assert browser.state == snapshot(key, twin_of(key))
