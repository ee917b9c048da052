"""Values that their sender doesn't believe: gaps, and noted; never shown as good."""

import pytest

from bridge.dialects.dialect import Base
from bridge.dialects.forms.protobuf import bytes_field, number_field
from bridge.dialects.sparkplug import payloads
from bridge.dialects.sparkplug.dialect import SparkplugDialect
from bridge.messages import Delivery
from bridge.observations import Note, Telemetry
from tests.support.dialects.player import Player, values
from tests.support.dialects.rows import Row

NOW_MS = 1_795_944_900_000


def with_quality(metric: bytes, quality: int, key: bytes = b"Quality") -> bytes:
    """A metric with that property, of datatype Int32."""
    value = number_field(1, 3) + number_field(3, quality)
    return metric + bytes_field(9, bytes_field(1, key) + bytes_field(2, value))


def spoken(*metrics: bytes, kind: str = "NDATA", seq: int = 1, number: int = 2) -> Row:
    payload = payloads.encode(NOW_MS, list(metrics)) + number_field(3, seq)
    return Row(number, f"spBv1.0/g/{kind}/n", payload, False, False, NOW_MS + number)


def temperature(value: float | None, at_ms: int = NOW_MS) -> bytes:
    return payloads.metric("t", at_ms, 10, value)


def notes(player: Player, row: Row) -> list[Note]:
    """What is noted of a message."""
    fields = (row.payload, row.received_ms, 0, False, False, 0)
    delivery = Delivery(row.topic, "plant/g.n", "NDATA", "", *fields, dialect="sparkplug")
    said = player.dialect.read(player.states["plant/g.n"], delivery).said
    return [note for one in said if isinstance(one.what, Telemetry) for note in one.what.notes]


@pytest.mark.parametrize(
    ("quality", "shown"), [(192, 21.5), (216, 21.5), (0, None), (500, None), (64, None), (256, None), (-1, None)]
)
def test_only_what_is_good_is_shown(quality: int, shown: float | None) -> None:
    player = Player(SparkplugDialect([Base("plant")], "devices"))
    player.play([spoken(temperature(1.0), kind="NBIRTH", seq=0, number=1)])
    row = spoken(with_quality(temperature(21.5, NOW_MS + 2), quality & (2**32 - 1)))
    noted = notes(player, row)
    player.play([row])
    assert values(player, "plant/g.n") == {"t": shown}
    assert [(one.reason, one.metric, one.sample) for one in noted] == (
        [("bad_quality", "t", "21.5")] if shown is None else []
    )


def test_a_birth_with_stale_values_shows_none_of_them() -> None:
    player = Player(SparkplugDialect([Base("plant")], "devices"))
    stale = with_quality(temperature(7.0), 500, b"quality")
    player.play([spoken(stale, payloads.metric("ok", NOW_MS, 11, value=True), kind="NBIRTH", seq=0)])
    assert values(player, "plant/g.n") == {"t": None, "ok": True}


def test_a_null_is_a_gap_without_a_note_and_what_is_historical_is_never_the_latest() -> None:
    player = Player(SparkplugDialect([Base("plant")], "devices"))
    player.play([spoken(temperature(20.0, NOW_MS), kind="NBIRTH", seq=0, number=1)])
    player.play([spoken(temperature(3.0, NOW_MS - 60_000) + number_field(5, 1), number=2)])
    assert values(player, "plant/g.n") == {"t": 20.0}
    row = spoken(with_quality(temperature(None, NOW_MS + 3), 0), seq=2, number=3)
    assert not notes(player, row)
    player.play([row])
    assert values(player, "plant/g.n") == {"t": None}
