"""A fake server for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.causeway_client.fake_server import FakeServer, fake_server


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with fake_server() as made:
        yield made
