"""The web process takes as many sockets as the system lets it."""

import resource
from collections.abc import Iterator

import pytest

from config.open_files import allow_many_sockets


@pytest.fixture
def few() -> Iterator[int]:
    """A low soft limit; the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, hard - 1), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_becomes_the_hard_one(few: int) -> None:
    allow_many_sockets()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few, few)
