import pytest

from devices.worker.rules.shard_list import format_shards, parse_shards


@pytest.mark.parametrize(
    ("text", "shards"),
    [("0", [0]), ("0-3", [0, 1, 2, 3]), ("2,0", [0, 2]), ("0-1, 3", [0, 1, 3]), ("1-2,2-3", [1, 2, 3]), ("3-3", [3])],
)
def test_reads_what_people_write(text: str, shards: list[int]) -> None:
    assert parse_shards(text, 4) == shards


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no list of shards"),
        ("a", "no list of shards"),
        ("1,", "no list of shards"),
        ("-1", "no list of shards"),
        ("1-2-3", "no list of shards"),
        ("1.5", "no list of shards"),
        ("²", "no list of shards"),
        ("3-1", "'3-1' counts backwards"),
        ("0-4", "there is no shard 4: BRIDGE_SHARDS is 4, so they are 0-3"),
        ("9999999", "no list of shards"),
    ],
)
def test_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_shards(text, 4)


@pytest.mark.parametrize(
    ("shards", "text"), [([], ""), ([3], "3"), ([2, 0, 1], "0-2"), ([0, 1, 3, 5, 6], "0-1,3,5-6"), ([0, 2], "0,2")]
)
def test_writes_what_it_reads(shards: list[int], text: str) -> None:
    assert format_shards(shards) == text
    assert not text or parse_shards(text, 8) == sorted(shards)
