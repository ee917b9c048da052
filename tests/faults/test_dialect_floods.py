"""Wrong messages to all dialects: none raises, none takes long, nothing grows. ``make fuzz`` sends a million."""

import os
import random
import time

import pytest

from tests.support.dialects.flood import Flood, wrong_rows
from tests.support.dialects.fuzz import MOST_S_A_KIB, MOST_STATE_BYTES
from tests.support.dialects.rows import rows
from tests.support.dialects.spoken import by_corpus

MESSAGES = int(os.environ.get("CAUSEWAY_DIALECT_MESSAGES", "15000"))
SEED = int(os.environ.get("CAUSEWAY_FUZZ_SEED", "1"))
CORPORA = by_corpus()


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_flood_of_wrong_messages(corpus: str) -> None:
    flood, rng = Flood(CORPORA[corpus].dialect()), random.Random(f"{SEED} {corpus}")
    for row in rows(corpus):
        flood.send(row)
    began = time.monotonic()
    for row in wrong_rows(rows(corpus), rng, MESSAGES // len(CORPORA)):
        flood.send(row)
    took_s = time.monotonic() - began
    flood.weigh()
    print(
        f"{corpus:14} {flood.counts['sent']:>8,} messages, {flood.counts['said']:>8,} said something, "
        f"{took_s / flood.counts['sent'] * 1e6:5.0f} µs each, slowest {flood.slowest_s_a_kib * 1e3:.2f} ms/KiB, "
        f"largest state {flood.largest_state_bytes:,} bytes"
    )
    assert flood.slowest_s_a_kib <= MOST_S_A_KIB
    assert flood.largest_state_bytes <= MOST_STATE_BYTES
    assert flood.counts["said"] > len(rows(corpus)) / 2
