"""Topics that discovery messages name: whoever may publish these could have anything read or told. So some are refused.

Never read: what begins with ``$``, Causeway's own topics, commands of other dialects, ``#``; ``+`` only as the first
levels, before two that are literal (OpenMQTTGateway: ``+/+/BTtoMQTT/<address>``). Never told: the same, requests that
change a bridge itself, and discovery.
"""

from typing import Final

from bridge.topic_filters import overlap, topic_filter_error, topic_name_error

_MOST_CHARS: Final = 512
_NATIVE: Final = ("telemetry", "telemetry/+", "state", "status", "model", "event/+", "ack/+", "desired", "command/+/+")
_COMMANDS_OF_OTHERS: Final = ("spBv1.0/+/NCMD/#", "spBv1.0/+/DCMD/#", "shellies/command")
_COMMANDS: Final = (*_COMMANDS_OF_OTHERS, "causeway/#", "causeway-bridge/#")
_INNER: Final = ("/bridge/request/", "/bridge/config/")  # Zigbee2MQTT's and others': they change the bridge itself
_LITERAL_LEVELS: Final = 2


class Guard:
    """Which topics may be read, and which told.

    Args:
        topic_root: of Causeway's own topics.
        prefixes: of discovery.
    """

    def __init__(self, topic_root: str, prefixes: tuple[str, ...]) -> None:
        self._root, self._prefixes = topic_root, prefixes
        self._native = tuple(f"{topic_root}/+/+/{suffix}" for suffix in _NATIVE)

    def refuses_reading(self, topic: str) -> bool:
        """Whether this topic filter is never subscribed to."""
        if not topic or len(topic) > _MOST_CHARS or "#" in topic or topic_filter_error(topic):
            return True
        if "+" not in topic:
            return self._is_foreign(topic)
        levels = topic.split("/")
        literal = levels[levels.count("+") :]
        if "+" in literal or len(literal) < _LITERAL_LEVELS:
            return True
        return any(overlap(topic, one) for one in (*self._native, *_COMMANDS_OF_OTHERS))

    def refuses_telling(self, topic: str) -> bool:
        """Whether nothing is ever published there."""
        if not topic or len(topic) > _MOST_CHARS or topic_name_error(topic):
            return True
        return self._is_foreign(topic) or any(topic.startswith(f"{prefix}/") for prefix in self._prefixes)

    def _is_foreign(self, topic: str) -> bool:
        first = topic.split("/", 1)[0]
        if topic.startswith("$") or first == self._root:
            return True
        return any(inner in topic for inner in _INNER) or any(overlap(topic, one) for one in _COMMANDS)
