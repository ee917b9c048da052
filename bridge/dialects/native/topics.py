"""The native dialect's topics: ``{root}/{site}/{device}/…``. Topics are built and parsed only here.

    up:    telemetry | telemetry/{metric} | state | model | status | event/{name} | ack/{command_id}
    down:  command/{command_id}/{name} | desired

Site and device are 1-64 of ``A-Z a-z 0-9 _ - . :``; a device's key is ``site/device``. Event and command names and
command ids follow the same rule; a metric is any level of 1-128 characters.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from bridge.dialects.dialect import NATIVE, OWN_DOWNLINK, RejectedTopic, Route, Sorted
from bridge.json_values import MAX_NAME_CHARS
from bridge.names import is_name

Kind = Literal["telemetry", "metric", "state", "model", "status", "event", "ack"]
TopicReason = Literal["odd_levels", "bad_name", "unknown_suffix"]


class NativeTopics:
    """Builds and parses the topics under one root. Immutable; safe to share.

    Args:
        root: the first level, for example ``devices``.
    """

    def __init__(self, root: str) -> None:
        if not is_name(root):
            raise ValueError(f"topic root {root!r} is not one level of A-Z a-z 0-9 _ - . :")
        self.root = root

    @property
    def topic_filter(self) -> str:
        """What the gateway subscribes to."""
        return f"{self.root}/#"

    @property
    def shapes(self) -> tuple[str, ...]:
        """Topic filters that match its topics, and nothing else under the root."""
        up = ("telemetry", "telemetry/+", "state", "model", "status", "event/+", "ack/+")
        return tuple(f"{self.root}/+/+/{suffix}" for suffix in (*up, "command/+/+", "desired"))

    def uplink(self, device: str, kind: Kind, detail: str = "") -> str:
        """The topic name on which a device publishes ``kind``; the inverse of :meth:`parse`."""
        suffix = "telemetry" if kind == "metric" else kind
        return f"{self.root}/{device}/{suffix}" + (f"/{detail}" if detail else "")

    def command(self, device: str, command_id: str, name: str) -> str:
        """The topic name of one command to a device."""
        return f"{self.root}/{device}/command/{command_id}/{name}"

    def desired(self, device: str) -> str:
        """The topic name of a device's retained desired state."""
        return f"{self.root}/{device}/desired"

    def retained(self, device: str, metrics: Iterable[str], events: Iterable[str]) -> Iterator[str]:
        """The topic names on which a device may publish with RETAIN. A metric that is no level has none of its own."""
        for suffix in ("status", "state", "model", "telemetry"):
            yield f"{self.root}/{device}/{suffix}"
        for metric in metrics:
            if _is_metric(metric) and not set(metric) & set("/+#"):
                yield self.uplink(device, "metric", metric)
        for event in events:
            yield self.uplink(device, "event", event)

    def parse(self, topic: str) -> Sorted | None:
        """Sort a topic name; None: it is not under the root. Never raises, whatever the string."""
        levels = topic.split("/")
        if levels[0] != self.root:
            return None
        if not 4 <= len(levels) <= 6:
            return _rejected("odd_levels")
        _, site, name, suffix, *rest = levels
        if not (is_name(site) and is_name(name)):
            return _rejected("bad_name")
        return _suffix(f"{site}/{name}", suffix, rest)


def _suffix(device: str, suffix: str, rest: list[str]) -> Sorted:
    match suffix, rest:
        case (("telemetry" | "state" | "model" | "status"), []):
            return _route(device, suffix)
        case "telemetry", [metric]:
            return _route(device, "metric", metric) if _is_metric(metric) else _rejected("bad_name")
        case (("event" | "ack"), [detail]):
            return _route(device, suffix, detail) if is_name(detail) else _rejected("bad_name")
        case ("desired", []) | ("command", [_, _]):
            return OWN_DOWNLINK
        case (("telemetry" | "state" | "model" | "status" | "event" | "ack" | "desired" | "command"), _):
            return _rejected("odd_levels")
        case _:
            return _rejected("unknown_suffix")


def _route(device: str, kind: Kind, detail: str = "") -> Route:
    return Route(NATIVE, device, kind, detail, status=kind == "status")


def _rejected(reason: TopicReason) -> RejectedTopic:
    return RejectedTopic(reason)


def _is_metric(metric: str) -> bool:
    return 0 < len(metric) <= MAX_NAME_CHARS and metric.isprintable()
