"""One judgement of what works: each part named, what can't be seen unknown."""

from typing import Any

import pytest
from msgspec.structs import replace

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.web.operations.truth import LATE_MS, OLD_MS, PROVEN_MS, Facts, ShardFacts, Truth, is_written, judge
from runtime.leases import LEASE_MS

ROW = GatewayRow(key="g", alive=True, broker_up=True, lag_ms=500)
WELL = Facts(
    count=2,
    kept=2,
    shards=[ShardFacts(number, 100, 1_000, 500, "") for number in range(2)],
    gateways=GatewayStatus(broker_up=True, since_ms=600, gateways=(ROW,)),
)


def states(truth: Truth) -> dict[str, str]:
    return {name: part.state for name, part in truth.parts.items() if part.state != "up"}


def of_gateway(**fields: Any) -> Facts:
    row = replace(ROW, **fields)
    broker_up = row.alive and row.broker_up
    return replace(WELL, gateways=GatewayStatus(broker_up=broker_up, since_ms=600, gateways=(row,)))


def test_all_is_well() -> None:
    truth = judge(WELL)
    assert truth.works
    assert truth.fresh
    assert truth.since == 600


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        (replace(WELL, unheard="Error 111 connecting"), {"layer": "down"}),
        (of_gateway(alive=False, broker_up=False), {"gateway": "down", "broker": "down"}),
        (of_gateway(broker_up=False), {"broker": "down"}),
        (replace(WELL, shards=WELL.shards[:1]), {"workers": "down"}),
        (replace(WELL, kept=5), {"workers": "down"}),
        (
            replace(WELL, unread="connection refused"),
            {"database": "down", "gateway": "unknown", "broker": "unknown", "workers": "unknown"},
        ),
    ],
)
def test_each_part_that_fails_is_named(facts: Facts, wrong: dict[str, str]) -> None:
    truth = judge(facts)
    assert states(truth) == wrong
    assert not truth.works
    assert not truth.fresh


def test_case_j3_a_beat_that_can_t_be_written_proves_nothing_about_its_writer() -> None:
    stale = [replace(shard, beat_age_ms=LEASE_MS + 60_000) for shard in WELL.shards]
    silent = replace(of_gateway(alive=False, broker_up=False), shards=stale, unwritten="database is locked")
    truth = judge(silent)
    assert states(truth) == {"database": "down", "gateway": "unknown", "broker": "unknown", "workers": "unknown"}
    assert truth.database.detail == "can't be written: database is locked"


def test_case_j2_what_a_worker_says_of_the_database_names_it() -> None:
    words = 'could not extend file "base/16385/16400": No space left on device'
    full = [replace(shard, trouble=words) for shard in WELL.shards]
    gateways = of_gateway(oldest_age_ms=20_000).gateways
    truth = judge(replace(WELL, shards=full, gateways=gateways))
    assert states(truth) == {"database": "down"}
    assert truth.database.detail == f"can't be written: {words}"
    assert not truth.fresh


def test_case_j2_what_came_long_ago_and_is_not_committed_is_the_workers() -> None:
    assert judge(of_gateway(oldest_age_ms=OLD_MS - 1)).works
    truth = judge(of_gateway(oldest_age_ms=OLD_MS))
    assert states(truth) == {"workers": "down"}
    assert "not committed" in truth.workers.detail
    assert states(judge(replace(of_gateway(oldest_age_ms=60_000), unheard="away"))) == {"layer": "down"}


def test_case_j4_the_layer_s_own_sentence_is_told_up_to_200_characters() -> None:
    words = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " * 4
    assert judge(replace(WELL, unheard=words)).layer.detail == words[:200]


def test_what_the_broker_still_has_from_long_ago_makes_nothing_wrong_but_nothing_fresh() -> None:
    truth = judge(of_gateway(lag_ms=LATE_MS))
    assert truth.works
    assert not truth.fresh


def test_a_beat_of_now_proves_that_the_database_takes_writes() -> None:
    assert is_written(WELL)
    assert not is_written(Facts())
    assert not is_written(replace(WELL, shards=[replace(shard, beat_age_ms=PROVEN_MS) for shard in WELL.shards]))


def test_reasons_of_other_numbers_name_the_variable() -> None:
    detail = judge(replace(WELL, kept=5)).workers.detail
    assert detail == "BRIDGE_SHARDS: 2 here, but the database has 5 shards by now"
