"""What one gateway process is told at start; built once from the environment by config/."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

MAX_IN_FLIGHT: Final = 16_384  # half of what MQTT numbers would allow is already more than helps

MqttVersion = Literal["5", "3.1.1"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayOptions:
    """Settings of the MQTT gateway. Immutable."""

    host: str = "127.0.0.1"  # the broker's name or address
    port: int = 1883  # its TCP port
    tls: bool = False  # mqtts: the certificate and the host name are verified
    ca_file: Path | None = None  # PEM; None: the system's certificate authorities
    username: str | None = None  # None: anonymous
    password: str | None = field(default=None, repr=False)
    version: MqttVersion = "5"  # of the protocol
    client_id: str = "causeway-gateway"  # stable: the broker keeps the session under it
    topic_root: str = "devices"  # first level of native topics
    topic_filters: tuple[str, ...] = ()  # empty: ``{topic_root}/#``
    shards: int = 4  # the fleet's number of shards
    keepalive_s: int = 20  # a dead connection is noticed after 1.5 times this
    in_flight_limit: int = 8_192  # QoS 1 deliveries not yet PUBACKed; set in the broker too

    def __post_init__(self) -> None:
        """Refuse what no gateway could run with.

        Raises:
            ValueError: with the name of the field.
        """
        if not 1 <= self.in_flight_limit <= MAX_IN_FLIGHT:
            raise ValueError(f"in_flight_limit must be 1 … {MAX_IN_FLIGHT}, not {self.in_flight_limit}")

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters to subscribe to."""
        return self.topic_filters or (f"{self.topic_root}/#",)
