"""What Home Assistant says to native devices, as a dialect: the gateway listens to it, and the broker's rights say so.

Its messages are nobody's readings: the worker takes each as something that Home Assistant asks of the device that the
topic names (devices.worker.homeassistant).
"""

from collections.abc import Sequence
from typing import Final

from bridge.dialects.dialect import Base, Command, Filter, Reading, Refused, SimpleDialect, Sorted, State
from bridge.dialects.native.control_topics import CONTROLS, ControlTopics
from bridge.messages import Delivery

_NOT_READ: Final = Reading(rejected="not_exported")


class ControlsDialect(SimpleDialect):
    """The controls of native devices in Home Assistant.

    Args:
        bases: one, whose base is Home Assistant's discovery prefix.
        topic_root: the first level of Causeway's own topics.
    """

    name = CONTROLS

    def __init__(self, bases: Sequence[Base], topic_root: str) -> None:
        self._topics = ControlTopics(topic_root)
        self._prefix = bases[0].base

    def filters(self) -> tuple[Filter, ...]:
        """See the protocol. What somebody had retained there would be a command at each connection: never."""
        return tuple(Filter(one, keep=True, retained="never") for one in self._topics.filters)

    def downlinks(self) -> tuple[str, ...]:
        """See the protocol."""
        return (f"{self._prefix}/device/+/config", self._topics.presences)

    def route(self, topic: str) -> Sorted | None:
        """See the protocol."""
        return self._topics.parse(topic)

    def example(self, source: str) -> str:
        """See the protocol."""
        return self._topics.control(source, "set", "x")

    def read(self, _state: State, _delivery: Delivery) -> Reading:
        """Nothing that a device says: the worker that exports devices doesn't ask."""
        return _NOT_READ

    def render(self, _state: State, _device: str, _command: Command, _now_ms: int) -> Refused:
        """No device speaks it."""
        return Refused("unknown_command")
