"""What is counted of many browsers: by texts that many receive alike."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.protocol.counters import BIN_US, Tally
from bench.protocol.dialects import READERS, Dialect


def delta(*messages: tuple[str, int, int]) -> bytes:
    """A frame from the comma after its number on."""
    items = [{"device": device, "readings": [{"metrics": {"n": n, "t": t, "pad": "x"}}]} for device, n, t in messages]
    return b"," + json.dumps({"type": "delta", "sub": "1", "items": items}).encode()[1:]


class Browser:
    """Receives into a tally."""

    def __init__(self, tally: Tally, dialect: Dialect = "causeway") -> None:
        self.tally, self.reader, self.n = tally, READERS[dialect](lambda *_: None, ""), 0

    def take(self, text: bytes, now_us: int = 0) -> None:
        self.n += 1
        numbered = b'{"n":%d%s' % (self.n, text) if text.startswith(b",") else text
        self.tally.receive(id(self), self.reader.read(numbered), now_us)


def mark(tally: Tally, *browsers: Browser) -> dict[str, Any]:
    return tally.mark(0, [id(one) for one in browsers])


def test_items_frames_and_latencies_are_counted_for_every_browser() -> None:
    tally = Tally()
    browsers = [Browser(tally) for _ in range(100)]
    for number, browser in enumerate(browsers):
        browser.take(delta(("s/a", 1, 1_000), ("s/b", 1, 5_000)), now_us=10_000 + 1_000 * number)
    found = mark(tally, *browsers)
    assert (found["frames"], found["items"], found["messages"]) == (100, 200, 2)
    assert (found["lost"], found["repeated"]) == (0, 0)
    bin_ms = BIN_US / 1000
    assert found["max_ms"] == pytest.approx(108, abs=bin_ms)
    assert found["p50_ms"] == pytest.approx(56.5, abs=1 + bin_ms)


def test_the_plain_dialect_has_a_message_a_frame() -> None:
    tally = Tally()
    browser = Browser(tally, "plain")
    browser.take(b'{"device":"s/a","payload":{"n":3,"t":2000,"pad":"x"}}', now_us=4_000)
    found = mark(tally, browser)
    assert (found["frames"], found["items"]) == (1, 1)
    assert found["p99_ms"] == pytest.approx(2, abs=BIN_US / 1000)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.randoms(use_true_random=False), st.data())
def test_what_one_browser_lacks_or_has_twice_shows_however_it_was_framed(sizes: list[int], random, data) -> None:  # type: ignore[no-untyped-def]
    numbers = itertools.count()
    messages = [[("s/d", next(numbers), 0) for _ in range(size)] for size in sizes]
    flat = [one for frame in messages for one in frame]
    tally = Tally()
    whole, alone, lossy, double = (Browser(tally) for _ in range(4))
    for frame in messages:
        whole.take(delta(*frame))
    for one in flat:
        alone.take(delta(one))
    missing = data.draw(st.sampled_from(flat))
    for one in flat:
        if one != missing:
            lossy.take(delta(one))
        double.take(delta(one))
    double.take(delta(missing))
    found = mark(tally, whole, alone, lossy, double)
    assert (found["lost"], found["repeated"]) == (1, 1)


def test_another_item_in_the_place_of_one_counts_as_both() -> None:
    tally = Tally()
    right, wrong = Browser(tally), Browser(tally)
    right.take(delta(("s/a", 1, 0), ("s/a", 2, 0)))
    wrong.take(delta(("s/a", 1, 0), ("s/a", 1, 0)))
    found = mark(tally, right, wrong)
    assert (found["lost"], found["repeated"]) == (1, 1)


def test_a_mark_begins_anew() -> None:
    tally = Tally()
    browser = Browser(tally)
    browser.take(delta(("s/a", 1, 0)))
    mark(tally, browser)
    found = mark(tally, browser)
    assert (found["frames"], found["items"], found["lost"], found["p99_ms"]) == (0, 0, 0, 0)
