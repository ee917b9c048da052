"""What one gateway process is told at start; built once from the environment by config/."""

import re
import ssl
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Literal

from msgspec.structs import replace as replaced

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import Filter, SimpleDialect
from bridge.dialects.registry import Dialects, dialects
from bridge.link import MAX_IN_FLIGHT
from bridge.names import is_name
from bridge.topic_filters import overlap, topic_filter_error
from mqtt_gateway.rules.broker_statistics import BROKER_TOPICS
from mqtt_gateway.rules.manners import merged
from mqtt_gateway.rules.pace import BALANCED, Budget

MqttVersion = Literal["5", "3.1.1"]

_MARKER_TOPIC = re.compile(r"(causeway(?:-bridge)?/gateway/[^/]+)/marker\Z")


def is_own_subscription(topic_filter: str) -> bool:
    """Whether a gateway subscribes to it for itself, beside its topic filters."""
    return topic_filter in BROKER_TOPICS or bool(_MARKER_TOPIC.match(topic_filter))


def status_of_marker(topic_filter: str) -> str | None:
    """The status topic of the gateway whose marker topic it is; None: it is no marker topic."""
    found = _MARKER_TOPIC.match(topic_filter)
    return f"{found[1]}/status" if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayOptions:
    """Settings of the MQTT gateway. Immutable."""

    host: str = "127.0.0.1"  # the broker's name or address
    port: int = 1883  # its TCP port
    tls: bool = False  # mqtts, wss: the certificate and the host name are verified
    websocket_path: str = ""  # ws, wss: path and query of the URL; "": plain TCP or TLS
    ca_file: Path | None = None  # PEM; None: the system's certificate authorities
    client_certificate: Path | None = None  # PEM; None: the broker asks for none
    client_key: Path | None = None  # PEM; None: in the same file
    username: str | None = None  # None: anonymous
    password: str | None = field(default=None, repr=False)
    version: MqttVersion = "5"  # of the protocol
    name: str = "gateway"  # public, unique on a broker: in topics, pages, metrics, log lines
    # A secret: the broker keeps the session under it. None: made up once, and kept in the database
    client_id: str | None = field(default=None, repr=False)
    key: str = ""  # what batches and tables call it; "": its name
    tag: str = ""  # in its markers: the same for all processes of this name and database
    topic_root: str = "devices"  # first level of native topics
    spoken: tuple[Enabled, ...] = NATIVE_ALONE  # the dialects, with their bases
    topic_filters: tuple[str, ...] = ()  # empty: all that the dialects listen to, ``{topic_root}/#`` alone of our own
    shards: int = 4  # the fleet's number of shards
    heartbeat_file: str = ""  # touched at each beat, for a health check from outside; "" for none
    sparkplug_host: str = ""  # as which Sparkplug host application it says that it is there; "": as none
    keepalive_s: int = 20  # a dead connection is noticed after 1.5 times this
    clean: bool = False  # end the session that the broker has under the client id, and begin none that stays
    devices_share_listener: bool = False  # published, and a device may choose its client id there: told to operators
    broker_keeps_sessions: bool = True  # False: a session that is not there is no incident (the demo's broker)
    pace: Budget = BALANCED  # what batches may cost, against how long a message may wait for others
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
        return tuple(one.topic_filter for one in self.subscriptions)

    @property
    def subscriptions(self) -> tuple[Filter, ...]:
        """The same with how to subscribe: of what is narrowed, as the dialects have it there."""
        listened = self.dialects.filters
        if not self.topic_filters:
            return merged(listened)
        return merged(
            replaced(wide, topic_filter=one)
            for one in dict.fromkeys(self.topic_filters)
            for wide in ([wide for wide in listened if overlap(one, wide.topic_filter)] or [Filter(one)])
        )

    @property
    def sorts_copies(self) -> bool:
        """Whether a message may come by two of our subscriptions, now or by filters of sources and mappings."""
        mappings_may_meet = any(one.startswith("+") for one in self.filters)
        overlaps = (overlap(*pair) for pair in combinations(self.filters, 2))
        return self.has_dynamic_filters or mappings_may_meet or any(overlaps)

    @property
    def has_dynamic_filters(self) -> bool:
        """Whether a source may want filters of its own."""
        return any(getattr(type(one), "wanted", None) is not SimpleDialect.wanted for one in self.dialects)

    @property
    def dialects(self) -> Dialects:
        """The dialects that are spoken."""
        return dialects(self.topic_root, self.spoken)

    @property
    def gateway(self) -> str:
        """What batches, the channel for downlinks and tables call it."""
        return self.key or self.name

    @property
    def broker(self) -> str:
        """What we call the broker, in tables and logs."""
        return f"{self.host}:{self.port}"

    @property
    def status_topic(self) -> str:
        """Where the gateway's own birth and will go, retained: outside the topic root, as it is no device."""
        return f"{self._own_topics}/status"

    @property
    def marker_topic(self) -> str:
        """On which the gateway sends markers to itself (mqtt_gateway.rules.markers)."""
        return f"{self._own_topics}/marker"

    @property
    def _own_topics(self) -> str:
        first_level = "causeway" if self.topic_root != "causeway" else "causeway-bridge"
        return f"{first_level}/gateway/{self.name}"


def problem(options: GatewayOptions) -> str | None:
    """What is wrong with the options, in one line that begins with the environment variable; None: nothing."""
    if not is_name(options.topic_root):
        return "BRIDGE_TOPIC_ROOT: it is not one level of A-Z a-z 0-9 _ - . :"
    if options.password is not None and options.username is None and options.version == "3.1.1":
        return "MQTT_USERNAME: MQTT 3.1.1 allows no password without one (MQTT-3.1.2-22)"
    if options.ca_file and (error := _ca_problem(options.ca_file)):
        return f"MQTT_CA_CERTIFICATES: {error}"
    if options.client_key and not options.client_certificate:
        return "MQTT_CLIENT_KEY: needs MQTT_CLIENT_CERTIFICATE"
    if options.client_certificate and (error := _pair_problem(options.client_certificate, options.client_key)):
        return f"MQTT_CLIENT_CERTIFICATE: {error}"
    return _filters_problem(options)


def _pair_problem(certificate: Path, key: Path | None) -> str | None:
    try:
        ssl.create_default_context().load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return None


def _ca_problem(file: Path) -> str | None:
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return None


def _filters_problem(options: GatewayOptions) -> str | None:
    """What is wrong with GATEWAY_TOPIC_FILTERS: filters of two dialects may overlap, those of one needn't."""
    numbered = list(enumerate(options.topic_filters, start=1))
    for number, one in numbered:
        if error := topic_filter_error(one):
            return f"GATEWAY_TOPIC_FILTERS: entry {number}: {error}"
        if not _listeners(options, one):
            return f"GATEWAY_TOPIC_FILTERS: entry {number} matches nothing that a dialect of DIALECTS listens to"
    for (number, one), (another, other) in combinations(numbered, 2):
        if overlap(one, other) and len(_listeners(options, one) | _listeners(options, other)) == 1:
            return f"GATEWAY_TOPIC_FILTERS: entries {number} and {another} overlap: some messages would come twice"
    return None


def _listeners(options: GatewayOptions, topic_filter: str) -> set[str]:
    """The dialects that listen to some of it."""
    return {
        dialect.name
        for dialect in options.dialects
        if any(overlap(topic_filter, one.topic_filter) for one in dialect.filters())
    }
