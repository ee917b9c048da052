"""Where a docstring or a page says how many queries something takes, it takes so many."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bridge.messages import Batch
from devices import gateways
from devices.requests.shard_owners import unowned_shards
from devices.web.live.queries.survey import survey
from devices.web.operations.ledger import read_ledger
from devices.web.operations.metrics import InstallationCollector
from devices.web.operations.observer import read_facts
from devices.web.operations.overview import read_overview
from devices.web.operations.truth import judge
from devices.worker.link.delivery_history import history_for
from devices.worker.ownership.fence import check_number
from mqtt_gateway.status import gateway_status

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
INGEST = Path(__file__).parents[3] / "docs" / "ingest.md"
BATCH = Batch(shard=0, gateway="g", epoch=2, seq=1, reply_to="r", deliveries=(), session=1)


def stated(text: str) -> int:
    """The number before "queries" in a text."""
    found = re.search(r"(?i)\b(" + "|".join(NUMBERS) + r")\b(?: small| short)? quer", text)
    assert found, text
    return NUMBERS[found[1].lower()]


def taken(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "call"),
    [
        (gateway_status, gateway_status),
        (gateways.gateway_status, gateways.gateway_status),
        (gateways.gateway_incidents, gateways.gateway_incidents),
        (unowned_shards, unowned_shards),
        (read_facts, lambda: read_facts(settings.DEVICES.shards)),
        (survey, lambda: survey(0, settings.DEVICES.shards)),
        (check_number, lambda: check_number(settings.DEVICES.shards)),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_a_docstring_that_counts_queries_is_right(where: Any, call: Callable[[], object]) -> None:
    assert taken(call) == stated(where.__doc__)


@pytest.mark.django_db
def test_the_first_batch_of_a_connection_takes_the_stated_queries() -> None:
    known = history_for(BATCH, None)
    known.epoch = 1  # its connection is another
    assert taken(lambda: history_for(BATCH, known)) == stated(history_for.__doc__ or "") == stated_in_ingest()
    assert taken(lambda: history_for(BATCH, None)) == stated_in_ingest() + 1, "and one more"


def stated_in_ingest() -> int:
    page = INGEST.read_text()
    return stated(page[page.index("at the first batch of each connection") :])


@pytest.mark.django_db
def test_the_ledger_is_one_query_beside_what_the_gateways_say() -> None:
    status = gateways.gateway_status()
    assert taken(lambda: read_ledger(status)) == stated(read_ledger.__doc__ or "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("where", "call"),
    [
        (read_overview, lambda: read_overview(judge(read_facts(settings.DEVICES.shards)))),
        (InstallationCollector, lambda: list(InstallationCollector().collect())),
    ],
)
def test_what_is_said_to_be_about_a_number_is_within_two_of_it(where: Any, call: Callable[[], object]) -> None:
    assert abs(taken(call) - stated(where.__doc__)) <= 2
