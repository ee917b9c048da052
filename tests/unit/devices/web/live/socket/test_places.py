"""How many sockets a user and an address may have, and what becomes of floods."""

import pytest
from pytest_django import Settings

from devices.web.live.socket import connection
from devices.web.live.socket.places import Places
from tests.unit.devices.web.live.peer import connected, token

pytestmark = pytest.mark.usefixtures("fleet")


def test_places_are_free_again_after_use() -> None:
    places = Places()
    with places.taken("ann", 1) as first, places.taken("ann", 1) as second, places.taken("bob", 1) as other:
        assert (first, second, other) == (True, False, True)
        assert len(places) == 2
    assert len(places) == 0
    with places.taken("ann", 1) as again:
        assert again


async def test_case_g6_a_users_sockets_are_bounded(settings: Settings) -> None:
    settings.MAX_SOCKETS_PER_USER = 2
    first, other = await token("ann"), await token("bob")
    async with connected(first) as one, connected(first) as two:
        assert (await one.request("ping"))["type"] == (await two.request("ping"))["type"] == "ok"
        async with connected(first) as third, connected(other) as bobs:
            assert await third.closed() == connection.TOO_MANY
            assert (await bobs.request("ping"))["type"] == "ok"
    async with connected(first) as again:
        assert (await again.request("ping"))["type"] == "ok"


async def test_case_g6_an_addresss_sockets_are_bounded_before_anybody_is_asked(settings: Settings) -> None:
    settings.MAX_SOCKETS_PER_ADDRESS = 1
    shown = await token()
    async with connected(shown) as one:
        assert (await one.request("ping"))["type"] == "ok"
        async with connected("cwy_wrong") as second:
            assert await second.closed() == connection.TOO_MANY


async def test_case_g6_a_flood_of_bad_frames_ends_the_socket() -> None:
    async with connected(await token()) as peer:
        for number in range(300):
            peer.send_text("nonsense")
            if number % 20 == 0:
                peer.acknowledge()
        assert await peer.closed() == connection.TOO_MANY
