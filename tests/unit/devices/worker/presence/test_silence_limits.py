"""How long devices may be silent, by site and tag, in rounds."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Site, TagDefault, Twin
from devices.rules.described.silence import SilenceLimits, SiteDefaults
from devices.worker.presence.silence_limits import read_limits
from tests.support.worlds.deliveries import delivery, key_in
from tests.support.worlds.ingest_worker import Worker

A, B = key_in(0), key_in(1)


@pytest.fixture
def site(worker: Worker) -> Site:
    worker.hear(delivery(A, "telemetry", {"t": 1}), delivery(B, "telemetry", {"t": 1}))
    return Site.objects.get()


def status(key: str) -> str:
    return str(Twin.objects.get(device__key=key).status)


def test_case_a5_a_battery_device_is_not_stale_before_its_tags_time_is_up(worker: Worker, site: Site) -> None:
    TagDefault.objects.create(site=site, tag="battery", stale_after_s=7_200)
    worker.ask(A, "tags", tags=["battery"])
    worker.wait(301)
    assert (status(A), status(B)) == ("online", "stale")
    worker.wait(6_898)
    assert status(A) == "online"
    worker.wait(2)
    assert status(A) == "stale"


def test_case_a5_a_sites_limit_holds_at_once_also_when_it_gets_shorter(worker: Worker, site: Site) -> None:
    Site.objects.update(stale_after_s=60)
    worker.wait(61)
    assert (status(A), status(B)) == ("stale", "stale")


def test_case_a5_a_device_that_loses_its_tag_is_judged_by_its_site(worker: Worker, site: Site) -> None:
    Site.objects.update(stale_after_s=400)
    TagDefault.objects.create(site=site, tag="battery", stale_after_s=7_200)
    worker.ask(A, "tags", tags=["battery"])
    worker.wait(500)
    assert status(A) == "online"
    worker.ask(A, "tags", tags=[])
    worker.round()
    assert status(A) == "stale"


def test_limits_are_read_in_one_query(worker: Worker, site: Site) -> None:
    Site.objects.create(name="bare")
    Site.objects.create(name="slow", stale_after_s=900)
    TagDefault.objects.create(site=site, tag="a", stale_after_s=1)
    TagDefault.objects.create(site=site, tag="b", stale_after_s=2)
    with CaptureQueriesContext(connection) as queries:
        limits = read_limits(300)
    assert len(queries) == 1
    assert limits == SilenceLimits(300, {"demo": SiteDefaults(None, {"a": 1, "b": 2}), "slow": SiteDefaults(900, {})})
