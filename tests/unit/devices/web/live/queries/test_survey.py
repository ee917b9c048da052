import pytest

from bridge.gateway_status import GatewayRow, GatewayStatus
from devices.models import ShardState
from devices.requests.registry import register_device
from devices.web.live.queries.survey import Link, link, survey
from devices.web.operations.truth import Facts, ShardFacts, judge
from tests.support.worlds.fake_worker import install

UP = Facts(
    count=1,
    shards=[ShardFacts(0, 0, 1_000, 500, "")],
    gateways=GatewayStatus(broker_up=True, since_ms=600, gateways=(GatewayRow(key="g", alive=True),)),
)


def test_what_is_shown_first_is_since_the_later_of_broker_and_workers() -> None:
    assert link(judge(UP), None, 9_000) == Link("up", "up", "up", "up", "up", fresh=True, since=600)


def test_another_word_is_since_now_and_the_same_words_are_nothing_new() -> None:
    first = link(judge(UP), None, 9_000)
    assert link(judge(UP), first, 9_500) is first
    deaf = Facts(count=1, shards=UP.shards, gateways=UP.gateways, unheard="Connection refused")
    second = link(judge(deaf), first, 9_700)
    assert (second.layer, second.fresh, second.since) == ("down", False, 9_700)
    assert link(judge(deaf), second, 9_900) is second
    assert link(judge(UP), second, 9_950).since == 9_950


def test_where_nobody_knows_since_when_it_stays_as_it_was_first_seen() -> None:
    nobody = link(judge(Facts(count=1)), None, 9_000)
    assert (nobody.workers, nobody.since) == ("down", 9_000)
    assert link(judge(Facts(count=1)), nobody, 9_500) is nobody


def test_the_same_words_with_a_later_since_were_otherwise_in_between() -> None:
    first = link(judge(UP), None, 9_000)
    again = GatewayStatus(broker_up=True, since_ms=800, gateways=UP.gateways.gateways)
    assert link(judge(Facts(count=1, shards=UP.shards, gateways=again)), first, 9_500).since == 800


@pytest.mark.django_db
def test_a_survey_reads_commits_and_devices_made_since() -> None:
    install()
    ShardState.objects.filter(shard=1).update(commit=7)
    old = register_device("s/old")
    found = survey(None, 4)
    assert found.commits[1] == 7
    assert not found.facts.gateways.broker_up
    assert (found.facts.newest_pk, found.facts.kept, found.new_devices) == (old.pk, 4, [])
    names = [register_device(f"s/{number}").key for number in range(3)]
    assert [key for _, key in survey(old.pk, 4).new_devices] == names


@pytest.mark.django_db
def test_a_survey_before_there_are_shards_knows_how_many_there_are_to_be() -> None:
    install()
    ShardState.objects.all().delete()
    found = survey(0, 4)
    assert (found.facts.kept, found.facts.newest_pk, list(found.facts.shards), found.commits) == (4, 0, [], {})
