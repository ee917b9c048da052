"""The workers' answers, from the process's reply channel."""

from collections.abc import Callable

import structlog

from bridge import wire
from bridge.messages import LinkAck
from mqtt_gateway.uplink.uplink import Uplink

log = structlog.get_logger(__name__)


def listener_of(uplink: Uplink) -> Callable[[wire.Message], None]:
    """What the process does with messages on its reply channel."""

    def handle(message: wire.Message) -> None:
        if isinstance(message, LinkAck):
            uplink.acknowledged(message)
        else:
            log.warning("unexpected message on the reply channel", type=type(message).__name__)

    return handle
