"""For which of the load's messages the handlers do something."""

from typing import Any, Final

COMMAND_EVERY: Final = 20  # of a device's messages
CALL_EVERY: Final = 10


def is_commanded(number: Any) -> bool:
    """Whether a command is sent for an event with this number."""
    return isinstance(number, int) and number % COMMAND_EVERY < COMMAND_EVERY // 2


def is_called(number: Any) -> bool:
    """Whether the server is called for a reading with this number."""
    return isinstance(number, int) and number % CALL_EVERY == 0
