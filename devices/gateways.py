"""What the gateways say about themselves, for workers, web and admin commands. config hands in who asks them.

(For devices may not import mqtt_gateway.) Incidents of workers and web processes are kept with theirs.
Synchronous: not for an event loop's thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.gateway_status import GatewayStatus, Incident, RejectedRow


def _nobody() -> GatewayStatus:
    raise RuntimeError("nobody said who asks the gateways: config.apps does")


@dataclass
class Provider:
    """Who asks the gateways."""

    status: Callable[[], GatewayStatus] = _nobody
    incidents: Callable[[], Sequence[Incident]] = tuple
    rejected: Callable[[], Sequence[RejectedRow]] = tuple
    record: Callable[[Incident], None] = lambda _: None


provider: Final = Provider()


def provide(
    status: Callable[[], GatewayStatus],
    incidents: Callable[[], Sequence[Incident]],
    rejected: Callable[[], Sequence[RejectedRow]],
    record: Callable[[Incident], None],
) -> None:
    """Ask and tell them so from now on. At start-up, before anybody asks."""
    provider.status, provider.incidents, provider.rejected, provider.record = status, incidents, rejected, record


def gateway_status() -> GatewayStatus:
    """What the gateways last said. One query."""
    return provider.status()


def gateway_incidents() -> Sequence[Incident]:
    """The newest 100, newest first. One query."""
    return provider.incidents()


def gateway_rejections() -> Sequence[RejectedRow]:
    """What they rejected, by topic and reason, the newest first. One query."""
    return provider.rejected()


def record_incident(incident: Incident) -> None:
    """Store one of ours beside those of the gateways, or extend it. A few small queries."""
    provider.record(incident)
