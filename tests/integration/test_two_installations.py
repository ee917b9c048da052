"""Two installations, each with a database and a Redis of its own, that know nothing of each other, on one broker."""

import contextlib
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from tests.integration.gateway_rig import Rig, gateway_rig
from tests.support.servers.service import Service
from tests.support.thorough import LONG
from tests.support.waiting import eventually_async


@contextlib.asynccontextmanager
async def _two(mosquitto: Service, redis: Service, directory: Path, client_id: str) -> AsyncIterator[tuple[Rig, Rig]]:
    """Both of the default name; "" as the client id: the default, made up by each for itself."""
    async with contextlib.AsyncExitStack() as stack:
        rigs = []
        for number in (1, 2):
            own = directory / str(number)
            own.mkdir()
            settings = {
                "GATEWAY_NAME": "gateway",
                "MQTT_CLIENT_ID": client_id,
                "REDIS_URL": f"{redis.url.removesuffix('/0')}/{number}",
            }
            rigs.append(await stack.enter_async_context(gateway_rig(mosquitto, redis, own, **settings)))
        yield rigs[0], rigs[1]


def _incidents(rig: Rig) -> dict[str, int]:
    """Kind → since when."""
    with rig.database() as database:
        return dict(database.execute("SELECT kind, since_ms FROM mqtt_gateway_incident").fetchall())


def _pauses(rig: Rig, since: int) -> list[float]:
    """How long the link was down each time, in seconds."""
    return [float(found) for found in re.findall(r"link up .*was_down_s=([\d.]+)", rig.gateway.log()[since:])]


def _connections(rig: Rig) -> int:
    return rig.gateway.log().count("broker link up")


async def test_case_e2_a_second_installation_of_the_default_name_is_an_incident_of_both(
    mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    async with _two(mosquitto, redis, tmp_path, "") as rigs:
        for rig in rigs:
            await rig.start()
        for rig in rigs:
            await eventually_async(partial(_incidents, rig), what="the incident")
            assert set(_incidents(rig)) == {"name_taken"}
            assert _connections(rig) == 1, "within one connection, and nobody was thrown off"


async def test_case_e2_two_with_one_client_id_say_so_and_let_each_other_be_for_longer_and_longer(
    mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    async with _two(mosquitto, redis, tmp_path, "causeway-gateway") as rigs:
        first, second = rigs
        await first.start()
        await second.start()  # throws the first one off
        await eventually_async(lambda: "session_taken" in _incidents(first), what="the incident of the first")
        await eventually_async(lambda: "session_taken" in _incidents(second), what="the incident of the second")
        for rig in rigs if LONG else rigs[:1]:
            before, _, _ = rig.gateway.log().partition("another client has had our session")
            assert before.count("broker link up") <= 2, "it comes with the next connection at the latest"
            await eventually_async(
                partial(_pauses, rig, len(before)), 30, what="it was thrown off again, and came back"
            )
            assert min(_pauses(rig, len(before))) >= 2.5, "not at once any more: half of five seconds at least"
