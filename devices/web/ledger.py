"""The ledger: what became of every delivery by the broker. Summed here, counted elsewhere.

Gateways count what they receive and what never leaves them; shard workers count, in the effect's transaction, what
became of the rest. Nothing is derived from anything else, so ``received`` can differ from the sum of the others: while
messages are under way by what the gateways have not said yet (they do every 2 s), at rest by what was lost.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Sum
from django.utils.module_loading import import_string
from msgspec import Struct

from devices.models import LedgerCount


class GatewayStatus(Protocol):
    """What gateways say about themselves: counters are sums over all of them."""

    @property
    def broker_up(self) -> bool:
        """Whether any gateway is alive and connected."""

    @property
    def since_ms(self) -> int:
        """Unix ms; since when that is so; 0: no gateway ever ran."""

    @property
    def gateways(self) -> tuple[Any, ...]:
        """One row a gateway."""

    @property
    def received(self) -> int:
        """Deliveries."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """Deliveries that were nobody's, by reason."""

    @property
    def dropped(self) -> int:
        """QoS 0 deliveries left out under pressure."""

    @property
    def in_flight(self) -> int:
        """Deliveries not yet known to be committed."""


class Ledger(Struct, frozen=True):
    """The ledger's sums (docs/http-api.md), and the reasons."""

    received: int
    applied: int
    duplicate: int
    quarantined: int
    rejected: int
    dropped: int
    in_flight: int
    reasons: dict[str, dict[str, int]]  # quarantined, rejected → reason → count


def gateway_status() -> GatewayStatus:
    """What the gateways last said. (config names the function: devices may not import mqtt_gateway.)"""
    status: GatewayStatus = import_string(settings.CAUSEWAY_GATEWAY_STATUS)()
    return status


def read_ledger(gateways: GatewayStatus | None = None) -> Ledger:
    """The ledger as of now: one query, and what the gateways last said."""
    gateways = gateways or gateway_status()
    counts: dict[str, Counter[str]] = {"rejected": Counter(gateways.rejected)}
    summed = LedgerCount.objects.values_list("outcome", "reason").annotate(total=Sum("count"))
    for outcome, reason, total in summed:
        counts.setdefault(outcome, Counter())[reason] += total

    def total_of(outcome: str) -> int:
        return sum(counts.get(outcome, Counter()).values())

    return Ledger(
        received=gateways.received,
        applied=total_of("applied"),
        duplicate=total_of("duplicate"),
        quarantined=total_of("quarantined"),
        rejected=total_of("rejected"),
        dropped=gateways.dropped,
        in_flight=gateways.in_flight,
        reasons={outcome: dict(sorted(counts.get(outcome, {}).items())) for outcome in ("quarantined", "rejected")},
    )
