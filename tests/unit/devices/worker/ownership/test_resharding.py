"""Changing the number of shards, on rows; tests/integration/test_reshard.py does it between processes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bridge.gateway_status import GatewayRow, GatewayStatus
from bridge.link import Cursor, judge
from devices.gateways import provider
from devices.handlers.followers import follow
from devices.models import (
    Follower,
    Handler,
    HandlerCursor,
    Installation,
    LedgerCount,
    LinkCursor,
    LoggedReadings,
    RecentDeliveries,
    ShardState,
    Worker,
)
from devices.worker.ownership.resharding import NotDrainedError, reshard
from runtime.database_clock import DatabaseNowMs
from tests.support.worlds.fake_worker import install

pytestmark = pytest.mark.django_db


@dataclass
class Gateway:
    name: str = "gw"
    key: str = "key"
    alive: bool = False
    beat_ms: int = 0
    epoch: int = 7
    in_flight: int = 0


gateways: list[Gateway] = []


def status() -> GatewayStatus:
    return GatewayStatus(gateways=tuple(GatewayRow(**asdict(one)) for one in gateways))


@pytest.fixture(autouse=True)
def drained(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four shards with something in every table, and a gateway that was stopped in order."""
    monkeypatch.setattr(provider, "status", status)
    install()
    gateways[:] = [Gateway()]
    for shard in range(4):
        ShardState.objects.filter(shard=shard).update(generation=10 + shard, commit=100 * shard)
        LinkCursor.objects.create(shard=shard, gateway="gw", epoch=7, seq=3 + shard)
        RecentDeliveries.objects.create(
            shard=shard, gateway="gw", session=1, epoch=7, connection_count=shard, packed=b""
        )
        LedgerCount.objects.create(shard=shard, outcome="applied", count=10 + shard)
        LedgerCount.objects.create(shard=shard, outcome="received", count=11 + shard)
        LedgerCount.objects.create(shard=shard, outcome="rejected", reason="unknown_device", count=1)
    Worker.objects.create(owner="dead", beat_ms=1)
    yield
    gateways.clear()


def sums() -> dict[tuple[str, str], int]:
    out: Counter[tuple[str, str]] = Counter()
    for row in LedgerCount.objects.all():
        out[row.outcome, row.reason] += row.count
    return dict(out)


@pytest.mark.parametrize("shards", [1, 2, 3, 8, 256])
def test_what_is_kept_a_shard_moves_and_keeps_its_sums(shards: int) -> None:
    before = sums()
    assert reshard(shards) == 4
    assert Installation.kept_shards() == shards
    rows = list(ShardState.objects.order_by("shard"))
    assert [row.shard for row in rows] == list(range(shards))
    assert {(row.generation, row.commit, row.owner, row.beat_ms) for row in rows} == {(14, 301, "", 0)}
    assert sums() == before
    assert max(LedgerCount.objects.values_list("shard", flat=True)) < shards
    for shard in range(shards):
        counts = dict(LedgerCount.objects.filter(shard=shard).values_list("outcome", "count"))
        assert counts.get("received", 0) == counts.get("applied", 0) + counts.get("rejected", 0), "still balanced"
    assert not RecentDeliveries.objects.exists()
    assert not Worker.objects.exists()


def test_the_gateways_next_connection_begins_with_batch_1_and_the_former_is_over() -> None:
    reshard(8)
    rows = LinkCursor.objects.filter(gateway="gw").order_by("shard")
    assert [row.shard for row in rows] == list(range(8))
    for row in rows:
        cursor = Cursor(row.epoch, row.seq, row.delivery_count, row.former_epoch, row.former_seq)
        assert judge(cursor, 8, 1) == "apply"
        assert judge(cursor, 7, 6) == "outdated"


def test_the_shards_that_are_gone_have_nothing_in_flight_any_more() -> None:
    reshard(2)
    assert {row.shard: row.epoch for row in LinkCursor.objects.all()} == {0: 8, 1: 8, 2: 8, 3: 8}


def test_who_follows_readings_goes_on_at_the_new_numbers_when_all_of_the_old_ones_is_read() -> None:
    for shard in range(4):
        follow("irrigate", shard, 100 * shard - (shard == 2))
    with pytest.raises(NotDrainedError, match=r"^irrigate has not read all readings"):
        reshard(8)
    follow("irrigate", 2, 200)
    LoggedReadings.objects.create(shard=3, commit=300, at_ms=1, total_bytes=1, readings=b"")
    reshard(2)
    assert sorted(Follower.objects.values_list("name", "shard", "position")) == [("irrigate", n, 301) for n in (0, 1)]
    states = ShardState.objects.values_list("is_followed", "logged_since", "changes_since", "commit")
    assert set(states) == {(True, None, 301, 301)}
    assert not LoggedReadings.objects.exists()


def test_the_same_number_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    gateways[0].alive, gateways[0].beat_ms = True, 5
    assert reshard(4) == 4
    assert Worker.objects.exists()
    assert LinkCursor.objects.filter(epoch=7).count() == 4
    call_command("reshard", "4")
    assert capsys.readouterr().out == "there are 4 shards already; nothing was changed\n"


def test_there_and_back_again() -> None:
    before = sums()
    assert [reshard(9), reshard(9), reshard(4)] == [4, 9, 9]
    assert (ShardState.objects.count(), sums()) == (4, before)
    assert set(ShardState.objects.values_list("commit", flat=True)) == {302}


def test_a_living_worker_is_in_the_way() -> None:
    Worker.objects.create(owner="host:1:a", beat_ms=DatabaseNowMs())
    ShardState.objects.filter(shard=1).update(owner="host:2:b", beat_ms=DatabaseNowMs())
    with pytest.raises(NotDrainedError) as refused:
        reshard(8)
    assert str(refused.value) == "device worker host:1:a lives: stop it; device worker host:2:b lives: stop it"
    assert Installation.kept_shards() == 4
    assert LinkCursor.objects.filter(epoch=7).count() == 4


@pytest.mark.parametrize(
    ("gateway", "reason"),
    [
        (Gateway(alive=True, beat_ms=5), "gateway gw lives: stop it"),
        (Gateway(beat_ms=5), "gateway gw was not stopped in order: let it run until nothing is in flight, and stop it"),
        (Gateway(in_flight=3), "gateway gw has left 3 deliveries unconfirmed: let it run with the workers until"),
    ],
)
def test_a_gateway_that_is_not_drained_is_in_the_way(gateway: Gateway, reason: str) -> None:
    gateways.append(gateway)
    with pytest.raises(CommandError) as refused:
        call_command("reshard", "8")
    assert str(refused.value).startswith(reason)
    assert "\n" not in str(refused.value)
    assert Installation.kept_shards() == 4


def test_a_gateway_that_never_connected_or_never_comes_back_is_not_in_the_way() -> None:
    gateways.extend([Gateway("new", beat_ms=5, epoch=0), Gateway("burnt", beat_ms=5, in_flight=3)])
    with pytest.raises(NotDrainedError, match="gateway burnt was not stopped in order"):
        reshard(8)
    call_command("reshard", "8", "--gone", "burnt")
    assert Installation.kept_shards() == 8


@pytest.mark.parametrize("text", ["0", "257", "-1"])
def test_a_number_without_sense_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match=r"N: it must be 1 to 256"):
        call_command("reshard", "--", text)


def test_it_works_before_the_setting_is_changed_and_the_start_up_check_wants_it_then(settings: Any) -> None:
    from config.checks import keeps_its_shards

    call_command("reshard", "8")
    (problem,) = keeps_its_shards()
    assert problem.msg == "BRIDGE_SHARDS: 4 here, but the database was set up with 8"


def test_a_handler_has_to_come_to_all_commits_and_goes_on_in_the_new_shards() -> None:
    handler = Handler.objects.create(name="plants.water", version=1, since_ms=1, kind="Event", on_failure="park")
    for shard in range(4):
        HandlerCursor.objects.create(handler=handler, shard=shard, commit=100 * shard - (shard == 3), generation=5)
    with pytest.raises(NotDrainedError, match=r"the handler plants\.water has not come to all commits"):
        reshard(2)
    HandlerCursor.objects.filter(shard=3).update(commit=300)
    HandlerCursor.objects.filter(shard=2).update(begin="beginning")
    with pytest.raises(NotDrainedError, match=r"plants\.water"):
        reshard(2)
    HandlerCursor.objects.update(begin="")
    reshard(2)
    assert list(HandlerCursor.objects.order_by("shard").values_list("shard", "commit", "begin")) == [
        (0, 301, ""),
        (1, 301, ""),
    ]
    assert set(ShardState.objects.values_list("commit", flat=True)) == {301}
