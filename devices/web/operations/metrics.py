"""/metrics for Prometheus: what the tables say about the whole installation, and this process's own figures.

Every web process tells the same about the installation; ask one of them, or use ``max`` over them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import structlog
from django.db import DatabaseError
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from devices.gateways import gateway_status
from devices.models import Command, LedgerCount, Quarantined, ShardState, Twin
from devices.rules.commands import UNFINISHED
from devices.web.operations.ledger import OUTCOMES, Ledger, read_ledger
from devices.web.operations.probe_access import refusal
from runtime.database_clock import unix_ms

STATUSES: Final = ("online", "offline", "stale", "unknown")

log = structlog.get_logger(__name__)


class InstallationCollector(Collector):
    """Reads the tables at each scrape: about six short queries."""

    def collect(self) -> Iterator[Metric]:
        """All families; without a database only that it does not answer."""
        up = GaugeMetricFamily("causeway_database_up", "1 while the database answers.")
        try:
            families = [*_deliveries(), _noted(), *_devices(), *_commands(), *_shards()]
        except DatabaseError as error:
            log.warning("no metrics: the database failed", error=str(error))
            families = []
        up.add_metric([], bool(families))
        return iter([up, *families])

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: no query at registration."""
        return ()


def _deliveries() -> Iterator[Metric]:
    status = gateway_status()
    ledger = read_ledger(status)
    received = ledger.received - ledger.in_flight  # a counter never falls; what is in flight may go back to the broker
    yield _counter("causeway_received", "Deliveries by the broker, counted by the gateways.", received)
    done = CounterMetricFamily(
        "causeway_deliveries", "What became of deliveries by the broker.", labels=["outcome", "reason"]
    )
    for outcome in ("applied", "duplicate", "dropped"):
        done.add_metric([outcome, ""], getattr(ledger, outcome))
    for outcome, reasons in ledger.reasons.items():
        for reason, count in reasons.items():
            done.add_metric([outcome, reason], count)
    yield done
    yield _gauge("causeway_in_flight", "Deliveries not yet known to be committed.", ledger.in_flight)
    yield _gauge("causeway_ledger_balanced", "1 while every shard's deliveries are accounted for.", ledger.balanced)
    yield from (*_shard_accounts(ledger), *_gateway_accounts(ledger))
    yield _gauge("causeway_broker_up", "1 while a gateway is alive and connected to its broker.", status.broker_up)
    yield _gauge("causeway_gateways_alive", "Gateways with a fresh beat.", sum(row.alive for row in status.gateways))


def _shard_accounts(ledger: Ledger) -> Iterator[Metric]:
    received = CounterMetricFamily(
        "causeway_shard_received", "Deliveries to a shard, counted by the gateways.", labels=["shard"]
    )
    done = CounterMetricFamily(
        "causeway_shard_deliveries", "What became of them, counted by its workers.", labels=["shard", "outcome"]
    )
    for shard in ledger.shards:
        received.add_metric([str(shard.shard)], shard.received - shard.in_flight)
        for outcome in OUTCOMES:
            done.add_metric([str(shard.shard), outcome], getattr(shard, outcome))
    yield from (received, done)


def _gateway_accounts(ledger: Ledger) -> Iterator[Metric]:
    done = CounterMetricFamily(
        "causeway_gateway_deliveries", "Deliveries that ended at a gateway.", labels=["gateway", "outcome"]
    )
    in_flight = GaugeMetricFamily(
        "causeway_gateway_in_flight", "A gateway's deliveries not yet known to be committed.", labels=["gateway"]
    )
    for gateway in ledger.gateways:
        done.add_metric([gateway.name, "rejected"], gateway.rejected)
        done.add_metric([gateway.name, "dropped"], gateway.dropped)
        in_flight.add_metric([gateway.name], gateway.in_flight)
    yield from (done, in_flight)


def _noted() -> Metric:
    family = CounterMetricFamily(
        "causeway_noted",
        "Values that were not taken as they came; their messages were applied.",
        labels=["reason"],
    )
    counts = LedgerCount.objects.filter(outcome="noted").values_list("reason")
    for reason, count in counts.annotate(n=Sum("count")).order_by("reason"):
        family.add_metric([reason], count)
    return family


def _devices() -> Iterator[Metric]:
    family = GaugeMetricFamily("causeway_devices", "Devices by presence.", labels=["presence"])
    # "*", not a column: the index on the status answers it alone
    counts = dict(Twin.objects.values_list("status").annotate(n=Count("*")).order_by())
    for status in STATUSES:
        family.add_metric([status], counts.get(status, 0))
    yield family
    yield _gauge("causeway_quarantine_messages", "Messages in quarantine.", Quarantined.objects.count())


def _commands() -> Iterator[Metric]:
    family = GaugeMetricFamily("causeway_commands_open", "Unfinished commands by status.", labels=["status"])
    rows = Command.objects.filter(status__in=UNFINISHED).values_list("status")
    counts = dict(rows.annotate(n=Count("*")).order_by())
    for status in UNFINISHED:
        family.add_metric([status], counts.get(status, 0))
    yield family


def _shards() -> Iterator[Metric]:
    commits = CounterMetricFamily("causeway_shard_commits", "Transactions broadcast by a shard.", labels=["shard"])
    age = GaugeMetricFamily("causeway_shard_beat_age_seconds", "Since its worker's last beat.", labels=["shard"])
    behind = GaugeMetricFamily(
        "causeway_rollups_behind_seconds", "Since what the shard's last device is rolled up to.", labels=["shard"]
    )
    rolling = GaugeMetricFamily("causeway_rollups_due", "Devices that are due to be rolled up.", labels=["shard"])
    now_ms = unix_ms()
    for state in ShardState.objects.order_by("shard"):
        commits.add_metric([str(state.shard)], state.commit)
        if state.beat_ms:  # else no worker ever had it
            age.add_metric([str(state.shard)], max(0.0, (now_ms - state.beat_ms) / 1000))
        until_ms = state.rolled_until_ms
        behind.add_metric([str(state.shard)], max(0.0, (now_ms - until_ms) / 1000) if until_ms else 0.0)
        rolling.add_metric([str(state.shard)], state.rolling)
    yield from (commits, age, behind, rolling)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
REGISTRY.register(InstallationCollector())


def metrics(request: HttpRequest) -> HttpResponse:
    """The exposition in Prometheus's text format, for those who may see it."""
    refused = refusal(request)
    if refused is not None:
        return refused
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)
