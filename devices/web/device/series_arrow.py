"""Series as an Arrow stream (Apache Arrow's columnar format, "IPC Streaming Format"): a row a bucket, or a raw value.

For notebooks: ``pyarrow.ipc.open_stream(answer.content).read_pandas()``. What a series has no column of is null. The
stream's schema has ``since`` and ``until`` in its metadata, Unix ms as texts.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from devices.history.rules.series import name_of

if TYPE_CHECKING:
    from pyarrow import Schema

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"


def is_wanted(accept: str) -> bool:
    """Whether an ``Accept`` header names it (RFC 9110, 12.5.1), and does not refuse it."""
    for one in accept.split(","):
        name, _, parameters = one.partition(";")
        if name.strip().lower() == MEDIA_TYPE:
            return parameters.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def arrow_stream(series: Iterable[Mapping[str, Any]], since: int, until: int) -> bytes:
    """The whole stream, a record batch a series.

    Args:
        series: as they are answered in JSON.
        since: Unix ms.
        until: Unix ms.
    """
    import pyarrow as pa  # 0.2 s and 60 MB: only a process that is asked for it loads it

    schema = _schema().with_metadata({"since": str(since), "until": str(until)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for one in series:
            columns = _columns(one)
            arrays = [pa.array(columns[field.name], field.type) for field in schema]
            writer.write_batch(pa.record_batch(arrays, schema))
    return bytes(sink.getvalue())


@cache
def _schema() -> "Schema":
    import pyarrow as pa

    ms, names = pa.timestamp("ms", tz="UTC"), pa.string()
    return pa.schema([
        ("device", names), ("metric", names), ("bucket_ms", pa.int64()), ("complete_since", ms), ("rolled_until", ms),
        ("ts", ms), ("count", pa.int64()), ("min", pa.float64()), ("max", pa.float64()), ("mean", pa.float64()),
        ("last", pa.float64()), ("last_text", names), ("shares", pa.map_(names, pa.float64())),
    ])  # fmt: skip


def _columns(one: Mapping[str, Any]) -> dict[str, list[Any]]:
    length = len(one["ts"])
    fixed = {name: [one[name]] * length for name in ("device", "metric", "bucket_ms", "complete_since", "rolled_until")}
    told = {name: one.get(name) or [None] * length for name in ("count", "min", "max", "mean", "shares")}
    last = one.get("last") or [None] * length
    are_texts = [isinstance(value, str | bool) for value in last]
    return {
        **fixed,
        "ts": one["ts"],
        **told,
        "last": [None if is_text else value for value, is_text in zip(last, are_texts, strict=True)],
        "last_text": [name_of(value) if is_text else None for value, is_text in zip(last, are_texts, strict=True)],
        "shares": [None if shares is None else list(shares.items()) for shares in told["shares"]],
    }
