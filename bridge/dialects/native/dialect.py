"""Causeway's own dialect behind the interface of all: its topics and payloads are in the modules beside."""

from collections.abc import Iterable, Iterator
from typing import cast

from bridge.dialects.dialect import (
    NATIVE,
    Command,
    Filter,
    Publication,
    Reading,
    Rendered,
    Said,
    SimpleDialect,
    Sorted,
    State,
)
from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind, NativeTopics
from bridge.messages import Delivery


class NativeDialect(SimpleDialect):
    """``{topic_root}/{site}/{device}/…``: the source is the device.

    Args:
        topic_root: one level.
    """

    name = NATIVE

    def __init__(self, topic_root: str) -> None:
        self._topics = NativeTopics(topic_root)

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol."""
        return (Filter(self._topics.topic_filter),)

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        root = self._topics.root
        return (f"{root}/+/+/command/+/+", f"{root}/+/+/desired")

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        return self._topics.parse(topic)

    def example(self, source: str) -> str:
        """See the protocol."""
        return self._topics.uplink(source, "status")

    def topics(self, _state: State, device: str) -> tuple[str, ...]:
        """See the protocol."""
        return (f"{self._topics.root}/{device}/#",)

    def read(self, _state: State, delivery: Delivery) -> Reading:
        """See the protocol."""
        decoded = decode(cast("Kind", delivery.kind), delivery.detail, delivery.payload)
        return Reading((Said(delivery.source, decoded),))

    def render(self, _state: State, device: str, command: Command, _now_ms: int) -> Rendered:
        """See the protocol."""
        publication = Publication(
            self._topics.command(device, command.command_id, command.name),
            command.args,
            expires_ms=command.expires_ms,
            correlation=command.command_id.encode(),
            response_topic=self._topics.uplink(device, "ack", command.command_id),
        )
        return Rendered((publication,))

    def render_desired(self, device: str, payload: bytes) -> Publication:
        """See the protocol."""
        return Publication(self._topics.desired(device), payload, retain=True)

    def retained(self, device: str, metrics: Iterable[str], events: Iterable[str]) -> Iterator[str]:
        """See the protocol."""
        return self._topics.retained(device, metrics, events)
