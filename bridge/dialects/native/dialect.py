"""Causeway's own dialect behind the interface of all: its topics and payloads are in the modules beside."""

from collections.abc import Iterable, Iterator
from typing import cast

from bridge.dialects.dialect import NATIVE, Command, Publication, Reading, Said, Sorted
from bridge.dialects.native.payloads import decode
from bridge.dialects.native.topics import Kind, NativeTopics
from bridge.messages import Delivery


class NativeDialect:
    """``{topic_root}/{site}/{device}/…``: the source is the device.

    Args:
        topic_root: one level.
    """

    name = NATIVE

    def __init__(self, topic_root: str) -> None:
        self._topics = NativeTopics(topic_root)

    def filters(self) -> tuple[str, ...]:
        """See the protocol."""
        return (self._topics.topic_filter,)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        return self._topics.parse(topic)

    def example(self, source: str) -> str:
        """See the protocol."""
        return self._topics.uplink(source, "status")

    def fresh(self) -> None:
        """No message depends on another."""

    def read(self, _state: None, delivery: Delivery) -> Reading:
        """See the protocol."""
        decoded = decode(cast("Kind", delivery.kind), delivery.detail, delivery.payload)
        return Reading((Said(delivery.source, decoded),))

    def render(self, device: str, command: Command) -> Publication:
        """See the protocol."""
        return Publication(
            self._topics.command(device, command.command_id, command.name),
            command.args,
            expires_ms=command.expires_ms,
            correlation=command.command_id.encode(),
            response_topic=self._topics.uplink(device, "ack", command.command_id),
        )

    def render_desired(self, device: str, payload: bytes) -> Publication:
        """See the protocol."""
        return Publication(self._topics.desired(device), payload, retain=True)

    def retained(self, device: str, metrics: Iterable[str], events: Iterable[str]) -> Iterator[str]:
        """See the protocol."""
        return self._topics.retained(device, metrics, events)
