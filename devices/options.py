"""What device workers and web processes are told at start; built once from the environment by config/."""

from dataclasses import dataclass

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.registry import Dialects, dialects


@dataclass(frozen=True, kw_only=True, slots=True)
class DevicesOptions:
    """Settings of the browser bank. Immutable."""

    topic_root: str = "devices"  # first level of native topics
    spoken: tuple[Enabled, ...] = NATIVE_ALONE  # the dialects, with their bases
    shards: int = 4  # the fleet's number of shards
    heartbeat_file: str = ""  # touched at each beat, for a health check from outside; "" for none
    auto_register: bool = True  # an unknown device that publishes becomes a device
    max_devices: int = 100_000  # beyond: rejected and counted
    max_devices_per_site: int = 100_000  # likewise
    new_devices_per_second: int = 100  # a site, registered by what they publish; beyond: rejected and counted
    max_metrics_per_device: int = 200  # beyond: rejected and counted
    stale_after_s: int = 300  # silence until stale; a device may have its own
    retention_days: int = 30  # readings, events, changes, finished commands, quarantine
    rollup_days: int = 400  # rollups of hours and days
    quarantine_max_mb: int = 1024  # beyond, the oldest quarantined messages go
    handler_log_mb: int = 1024  # of readings that handlers have not read yet; beyond, the oldest go, and they are told
    handler_waiting_mb: int = 256  # that a handler may have wait at parked devices, or to be done later; then it stops
    default_gateway: str = "gateway"  # its name; takes downlinks until a shard has heard a gateway
    homeassistant_export: str = ""  # discovery prefix under which native devices are announced; "": they are not
    mosquitto_passwords: str = ""  # file to keep the devices' broker credentials in; "" for none

    @property
    def dialects(self) -> Dialects:
        """The dialects that are spoken."""
        return dialects(self.topic_root, self.spoken)
