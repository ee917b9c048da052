"""Broker, Redis or PostgreSQL restarted: every process recovers by itself within 15 s and says so in the log once."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from tests.support.servers.processes import Process
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.system import System

RECOVERY_S = 15
NOTICE_S = 15
# What the processes call a part that is away. All of them look at Redis and PostgreSQL every few seconds.
OUTAGES = {
    "mosquitto": {"gateway": "broker link"},
    "redis": {"gateway": "channel layer", "devices": "channel layer", "web": "channel layer of the dashboards"},
    "postgres": {"gateway": "database", "devices": "database", "web": "database of the dashboards"},
}


class Log:
    """What a process logs from now on."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._since = process.position()

    def ends(self) -> dict[str, list[str]]:
        """Each outage's ends, in order: what was away → ``down``, ``up``, … (a further reason is no further end)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for line in self.process.log()[self._since :].splitlines():
            if match := re.search(r"\] (\S.*) (down|up)(?: again)?\s+\[.*?(?:reason=(.*))?$", line):
                told = found.setdefault(match[1], [])
                if not (told and match[2] == told[-1][0] == "down" and match[3] != told[-1][1]):
                    told.append((match[2], match[3]))
        return {outage: [end for end, _ in told] for outage, told in found.items()}

    def tells(self, outage: str, *ends: str) -> bool:
        """Whether it has told of these ends of an outage, and of no others."""
        return self.ends().get(outage) == list(ends)


@pytest.mark.parametrize(
    ("part", "how"),
    [
        ("mosquitto", "kill"),
        ("redis", "stop"),
        ("postgres", "kill"),
        *([("mosquitto", "stop"), ("redis", "kill"), ("postgres", "stop")] if LONG else []),
    ],
)
def test_a_restarted_server_stops_nothing_for_long(causeway: Callable[..., System], part: str, how: str) -> None:
    system = causeway()
    for worker in system.workers:  # the system is ready once one of them has all shards
        worker.wait_for_line("device workers started")
    api = system.api("admin", "admin", None)
    socket = system.ws("admin", "admin", None)
    system.publish("devices/demo/steady/telemetry", {"number": 1})
    eventually(lambda: api("GET", "/devices/demo/steady").is_success)
    socket.request("subscribe", devices={"demo/steady": None})
    socket.until_type("snapshot")
    server = getattr(system.parts, part)
    logs = [Log(process) for process in system.processes()]
    expected = [(log, OUTAGES[part][kind]) for log in logs if (kind := _kind(log)) in OUTAGES[part]]

    getattr(server, how)()
    for log, outage in expected:
        eventually(partial(log.tells, outage, "down"), NOTICE_S, what=f"{log.process.name}: {outage} down")
    server.start()
    if part == "mosquitto" and how == "kill":  # what comes before the gateway has subscribed anew is dropped
        eventually(lambda: logs[0].tells("broker link", "down", "up"), RECOVERY_S)

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
    for log, outage in expected:
        eventually(partial(log.tells, outage, "down", "up"), RECOVERY_S, what=f"{log.process.name}: {outage} up")
    for log in logs:
        eventually(partial(_each_told_once, log), RECOVERY_S, what=f"{log.process.name} tells each end once")


def _kind(log: Log) -> str:
    return log.process.name.partition("-")[0]


def _each_told_once(log: Log) -> bool:
    ends = log.ends()
    return all(told == ["down", "up"] for told in ends.values())
