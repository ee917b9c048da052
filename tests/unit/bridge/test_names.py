import re

from hypothesis import given
from hypothesis import strategies as st

from bridge.names import dashboard_group, devices_channel, gateway_channel
from bridge.shards import device_hash, shard_of

VALID = re.compile(r"[A-Za-z0-9_.\-]{1,99}\Z")


@given(st.text(), st.text())
def test_any_client_id_gives_a_valid_channel_of_its_own(one: str, other: str) -> None:
    assert VALID.match(gateway_channel(one))
    assert (gateway_channel(one) == gateway_channel(other)) is (one == other)


@given(st.integers(0, 255))
def test_shard_names_are_valid(shard: int) -> None:
    assert VALID.match(devices_channel(shard))
    assert VALID.match(dashboard_group(shard))


def test_the_shard_of_a_device_never_changes() -> None:
    assert device_hash("demo/thermostat-001") == 1_250_315_351
    assert [shard_of(f"demo/d{n}", 4) for n in range(8)] == [2, 0, 2, 0, 3, 1, 3, 1]
