from collections.abc import Iterator

import pytest

from bridge.dialects.registry import factories, register_dialect
from tests.support.memory_dialect import MemoryDialect


@pytest.fixture
def memory_dialect(db: None) -> Iterator[None]:
    """Somebody speaks it."""
    with factories.reopened():
        register_dialect("memory", lambda _root: MemoryDialect())
        yield
