"""The beat of a gateway: its row's columns, in one statement, which is carried out every second."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from runtime.database_clock import clock
from runtime.databases.statements import Statement


def write_beat(key: str, instance: str, fields: Mapping[str, Any]) -> bool:
    """Renew the lease, write these columns, ask the time; False: it is another process's, and nothing was written."""
    values = [msgspec.json.encode(one).decode() if isinstance(one, dict) else one for one in fields.values()]
    asked_ns = clock.asking()
    rows = _beat_with(tuple(fields)).rows(*values, key, instance)
    for (now_ms,) in rows:
        clock.told(now_ms, asked_ns)
    return bool(rows)


@lru_cache
def _beat_with(columns: tuple[str, ...]) -> Statement:
    beat = () if "beat_ms" in columns else ("beat_ms = {now_ms}",)
    assigned = ", ".join([*beat, *(f"{column} = %s" for column in columns)])
    return Statement(
        f"UPDATE mqtt_gateway_gatewayprocess SET {assigned}"  # noqa: S608  names
        " WHERE client_id = %s AND instance = %s RETURNING {now_ms}"
    )
