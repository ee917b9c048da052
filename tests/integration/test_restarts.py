"""Broker, Redis or PostgreSQL restarted: every process recovers by itself within 15 s and says so in the log once."""

from collections.abc import Callable

import pytest

from tests.support.system import System
from tests.support.waiting import eventually

RECOVERY_S = 15


@pytest.mark.parametrize("part", ["mosquitto", "redis", "postgres"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restarted_server_stops_nothing_for_long(causeway: Callable[..., System], part: str, how: str) -> None:
    system = causeway()
    api = system.api("admin", "admin", None)
    socket = system.ws("admin", "admin", None)
    system.publish("devices/demo/steady/telemetry", {"number": 1})
    eventually(lambda: api("GET", "/devices/demo/steady").is_success)
    socket.request("subscribe", devices={"demo/steady": None})
    socket.until_type("snapshot")
    server = getattr(system.parts, part)
    before = system.gateway.position()

    getattr(server, how)()
    server.start()
    if (part, how) == (
        "mosquitto",
        "kill",
    ):  # it may have forgotten our subscription, and drops what comes before the next
        system.gateway.wait_for_line("broker link up", RECOVERY_S, since=before)

    def number_seen() -> object:
        answer = api("GET", "/devices/demo/steady")
        return answer.is_success and answer.json()["metrics"]["number"]["value"]

    client = system.mqtt()
    client.publish("devices/demo/steady/telemetry", {"number": 2})
    eventually(lambda: number_seen() == 2, RECOVERY_S, what="a message sent after the restart is applied")
    system.wait_ready(RECOVERY_S)
    frame = socket.until(lambda frame: frame["type"] == "delta" and "number" in str(frame), RECOVERY_S)
    assert frame["items"][-1]["readings"][-1]["metrics"] == {"number": 2}
    assert all(process.returncode is None for process in system.processes())
