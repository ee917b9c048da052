"""What a subscription watches, and how. Immutable and hashable: subscriptions of equal ones share one feed."""

from typing import Final, Literal

from msgspec import Struct

DEFAULT_RATE_HZ: Final = 10.0
MIN_RATE_HZ: Final = 0.1
MAX_RATE_HZ: Final = 100.0


class Target(Struct, frozen=True):
    """Devices by key, or whole sites with the devices that come later; neither: every device there is."""

    devices: frozenset[str] | None = None
    sites: frozenset[str] | None = None

    def covers(self, device: str) -> bool:
        """Whether a device belongs to it."""
        if self.devices is not None:
            return device in self.devices
        return self.sites is None or device.partition("/")[0] in self.sites


class DeliveryOptions(Struct, frozen=True):
    """How often frames are delivered, with which readings, and with how much of what devices are."""

    max_rate_hz: float = DEFAULT_RATE_HZ  # frames a device
    readings: Literal["all", "latest"] = "all"
    description: Literal["full", "brief"] = "full"
