"""What a rule makes of messages that were heard, before it is saved."""

from collections.abc import Iterable
from typing import Any

from bridge.dialects.forms.names import key_part
from bridge.dialects.mapping.dialect import read_by
from bridge.dialects.mapping.patterns import PatternTree
from bridge.dialects.mapping.rules import Rule
from bridge.json_limits import MalformedError

_MOST: int = 200


def preview(rule: Rule, heard: Iterable[tuple[str, bytes]], received_ms: int) -> list[dict[str, Any]]:
    """What becomes of each message that the rule's pattern matches.

    Args:
        rule: without fault.
        heard: topic and payload.
        received_ms: Unix ms; when they are taken to have come.

    Returns:
        Objects ``{"topic", "device", "metrics"}``, or with ``reason`` and ``detail`` in place of metrics.
    """
    tree = PatternTree([rule])
    found: list[dict[str, Any]] = []
    for topic, payload in heard:
        bound = tree.find(topic)
        if bound is None or len(found) >= _MOST:
            continue
        device = f"{rule.site}/{key_part(bound.device or rule.device)}"
        try:
            telemetry, _ = read_by(rule, bound.metric or rule.metric, payload, received_ms)
        except MalformedError as bad:
            result: dict[str, Any] = {"reason": bad.malformed.reason, "detail": bad.malformed.detail}
        else:
            result = {"metrics": {name: value for one in telemetry.readings for name, value in one.metrics.items()}}
        found.append({"topic": topic, "device": device, **result})
    return found
