import re
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.names import dashboard_group, devices_channel, gateway_channel, is_device_key, is_name, is_source_key
from bridge.shards import device_hash, shard_of, source_of

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


names = st.from_regex(r"[A-Za-z0-9_\-.:]{1,64}", fullmatch=True).filter(lambda name: name not in (".", ".."))


@given(names, names, names)
def test_a_child_is_in_its_sources_shard(site: str, source: str, child: str) -> None:
    key = f"{site}/{source}"
    assert source_of(key) == source_of(f"{key}~{child}") == key
    assert device_hash(f"{key}~{child}") == device_hash(key)


@given(st.text(), st.integers(1, 256))
def test_a_key_without_a_child_has_the_shard_that_it_always_had(text: str, shards: int) -> None:
    key = text.replace("~", "").encode(errors="replace").decode()
    assert shard_of(key, shards) == crc32(key.encode()) % shards


@given(names, names, names)
def test_only_other_dialects_have_children(site: str, source: str, child: str) -> None:
    key = f"{site}/{source}"
    assert is_device_key(key)
    assert is_source_key(key)
    assert is_device_key(f"{key}~{child}") is (len(f"{key}~{child}") <= 129)
    assert not is_source_key(f"{key}~{child}")
    assert not is_name(f"{source}~{child}")


@pytest.mark.parametrize(
    "key", ["a", "a/", "/b", "a/b~", "a/~c", "a~c/b", "a/b~c~d", "a/b~c d", "a/b~ö", "a/b/c", "a/b\n"]
)
def test_what_is_no_key(key: str) -> None:
    assert not is_device_key(key)


@pytest.mark.parametrize("name", [".", ".."])
def test_case_g16_dots_alone_are_no_names(name: str) -> None:
    assert not is_name(name)
    for key in (f"demo/{name}", f"{name}/lamp", f"demo/lamp~{name}", f"demo/{name}~x"):
        assert not is_device_key(key)
        assert not is_source_key(key)


@pytest.mark.parametrize("name", ["...", ".a", "a.", "..a", ".-", ":..", "a..b"])
def test_case_g16_names_may_have_dots(name: str) -> None:
    assert is_name(name)
    assert is_device_key(f"{name}/{name}~{name}")
