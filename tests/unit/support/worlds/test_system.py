import pytest

from tests.support.worlds.system import shard_ranges


@pytest.mark.parametrize(
    ("shards", "workers", "expected"),
    [(4, 2, ["0-1", "2-3"]), (4, 1, ["0-3"]), (5, 2, ["0-1", "2-4"]), (3, 3, ["0-0", "1-1", "2-2"])],
)
def test_shards_are_shared_out_completely(shards: int, workers: int, expected: list[str]) -> None:
    assert shard_ranges(shards, workers) == expected
