"""What the simulator is told."""

from dataclasses import dataclass, field
from pathlib import Path

from bridge.names import is_name
from mqtt_gateway.options import MqttVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorOptions:
    """Which devices, and the broker they connect to. Immutable.

    Raises:
        ValueError: names the option that is wrong.
    """

    devices: int = 25  # how many
    rate: float = 1.0  # telemetry messages a second and device
    site: str = "demo"  # all of them are there; other dialects say nothing of a site
    dialect: str = "native"  # which they speak: mqtt_gateway.simulator.dialects
    seconds: float | None = None  # then all go offline; None: for ever
    seed: int | None = None  # the same seed, the same devices and noise
    host: str = "127.0.0.1"  # the broker's name or address
    port: int = 1883  # its TCP port
    tls: bool = False  # mqtts, wss
    websocket_path: str = ""  # ws, wss; "": plain TCP or TLS
    ca_file: Path | None = None  # PEM; None: the system's certificate authorities
    username: str | None = None  # None: anonymous
    password: str | None = field(default=None, repr=False)
    version: MqttVersion = "3.1.1"  # of the protocol
    topic_root: str = "devices"  # first level of native topics

    def __post_init__(self) -> None:
        """Check what a command line can get wrong."""
        if not 1 <= self.devices <= 10_000:
            raise ValueError(f"--devices must be 1 … 10,000, not {self.devices}")
        if not 0.001 <= self.rate <= 1_000:
            raise ValueError(f"--rate must be 0.001 … 1000, not {self.rate}")
        if not is_name(self.site):
            raise ValueError(f"--site must be 1-64 of A-Z a-z 0-9 _ - . :, not {self.site!r}")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"--seconds must be above 0, not {self.seconds}")
