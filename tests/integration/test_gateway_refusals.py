"""A broker that takes no large packets: who says so (MQTT 5), and who just hangs up (3.1.1)."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.messages import Publish, Published
from tests.integration.gateway_rig import Rig, gateway_rig
from tests.support.servers.mosquitto import mosquitto_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async
from tests.support.worlds import downlinks

_LIMIT = 20_000
_LARGE = b'{"text":"%s"}' % (b"x" * 30_000)


@pytest.fixture(scope="module")
def narrow() -> Iterator[Service]:
    """A broker with a Maximum Packet Size."""
    broker = mosquitto_service(max_packet_size=_LIMIT)
    broker.start()
    yield broker
    broker.close()


@pytest.fixture(params=["5", "3.1.1"])
async def rig(request: pytest.FixtureRequest, narrow: Service, redis: Service, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig for each MQTT version, its gateway up and its worker at work."""
    async with gateway_rig(narrow, redis, tmp_path, MQTT_VERSION=request.param) as made:
        made.work()
        await made.start()
        yield made


def _command(name: str, payload: bytes = b"{}") -> Publish:
    return downlinks.command(1, "demo/d1", name, "set_text", payload, int(time.time() * 1000) + 60_000)


def _answers(rig: Rig, order: Publish) -> list[Published]:
    return [answer for answer in rig.worker.published if answer.token == order.token]


async def _asked(rig: Rig, order: Publish, before: int) -> None:
    """Order it, wait for the answer."""
    await rig.order(order)
    await eventually_async(lambda: len(_answers(rig, order)) > before, 20, what="an answer")


async def _settled(rig: Rig, order: Publish) -> Published:
    """Order it as often as the worker would, until it is confirmed or refused for good."""
    while not any(answer.ok or answer.never for answer in _answers(rig, order)):
        await _asked(rig, order, len(_answers(rig, order)))
        if _answers(rig, order)[-1].reason == "broker link down":
            await eventually_async(lambda: "broker link up" in rig.gateway.log().rpartition("broker link down")[2])
    return _answers(rig, order)[-1]


async def test_case_e3_what_is_too_large_for_the_broker_is_refused_once_and_the_rest_goes_on(rig: Rig) -> None:
    large, small = _command("large", _LARGE), _command("small")
    refused = await _settled(rig, large)
    assert (refused.ok, refused.never) == (False, True)
    if rig.settings["MQTT_VERSION"] == "5":
        assert f"Maximum Packet Size is {_LIMIT}" in refused.reason
        assert "broker link down" not in rig.gateway.log()
    else:
        assert "too large" in refused.reason
        assert rig.gateway.log().count("the broker hangs up on a publication") == 1
    assert (await _settled(rig, small)).ok
    desired = downlinks.desired(1, "demo/d2", _LARGE)
    assert (await _settled(rig, desired)).never
    since = rig.gateway.position()
    assert (await _settled(rig, downlinks.desired(1, "demo/d2", b"{}"))).ok
    assert (await _settled(rig, _command("again"))).ok
    await rig.publish([("devices/demo/d1/telemetry", "1")])
    await rig.applied(1)
    assert "broker link down" not in rig.gateway.log()[since:]
