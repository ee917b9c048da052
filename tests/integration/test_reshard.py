"""``manage.py reshard`` between real processes: what is there stays, devices and streams go on, on both databases."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest

from tests.support.clients.web_socket import Follower, Stream
from tests.support.servers.processes import CommandError
from tests.support.thorough import LONG
from tests.support.waiting import eventually
from tests.support.worlds.system import System

DEVICES = [f"demo/d{number}" for number in range(12)]


def publish(system: System, numbers: range) -> None:
    client = system.mqtt()
    client.publish_all((f"devices/{device}/telemetry", {"n": number}) for number in numbers for device in DEVICES)


def arrived(last: int) -> Callable[[Stream], bool]:
    return lambda stream: all(stream.devices[device]["metrics"]["n"]["value"] == last for device in DEVICES)


def ledger(system: System) -> Mapping[str, Any]:
    found: Mapping[str, Any] = system.api()("GET", "/ledger").raise_for_status().json()
    return {name: found[name] for name in ("received", "applied", "duplicate", "quarantined", "rejected", "in_flight")}


def stop(system: System) -> None:
    for process in (system.gateway, *system.workers):
        assert process.terminate() == 0, process.tail()


def refused(system: System, *arguments: str) -> str:
    """The one line of a reshard that is refused."""
    with pytest.raises(CommandError) as error:
        system.manage("reshard", *arguments)
    line = str(error.value).splitlines()[-1]
    assert "Traceback" not in str(error.value)
    return line.removeprefix("CommandError: ")


@pytest.mark.parametrize(
    ("database", "shards"),
    [("postgres", 7), ("sqlite", 1), *([("postgres", 1), ("sqlite", 7)] if LONG else [])],
)
def test_devices_that_change_their_shard_go_on(
    causeway: Callable[..., System], database: Literal["postgres", "sqlite"], shards: int
) -> None:
    system = causeway(database=database)
    publish(system, range(5))
    system.wait_registered(DEVICES)
    url = f"ws://127.0.0.1:{system.port}/ws/v1/"
    with Follower(url, system.token(), site="demo") as follower:
        follower.until(lambda stream: len(stream.devices) == len(DEVICES) and arrived(4)(stream))
        revs = {device: follower.stream.devices[device]["rev"] for device in DEVICES}
        assert "lives: stop it" in refused(system, str(shards))
        stop(system)
        before = eventually(lambda: (found := ledger(system))["in_flight"] == 0 and found, 10)
        said = system.manage("reshard", str(shards))
        assert said == f"4 shards are {shards} now; start everything with BRIDGE_SHARDS={shards}\n"
        assert ledger(system) == before
        system.web.terminate()
        for process in system.processes():
            process.settings["BRIDGE_SHARDS"] = str(shards)
            process.start()
        system.wait_ready()
        publish(system, range(5, 10))
        follower.until(arrived(9), 30)
        assert {reason for reason, _ in follower.stream.snapshots} == {"subscribe"}, "streams resume"
        for device in DEVICES:
            readings = follower.stream.readings[device]
            fresh = [rev for rev in sorted(readings) if readings[rev]["metrics"]["n"] >= 5]
            assert fresh == list(range(revs[device] + 1, revs[device] + 6)), "revs go on"
    after = eventually(lambda: (found := ledger(system))["applied"] == before["applied"] + 60 and found, 10)
    assert after is not None
    assert after["received"] == before["received"] + 60


def test_it_is_refused_until_all_is_drained(causeway: Callable[..., System]) -> None:
    system = causeway()
    system.gateway.kill()
    for worker in system.workers:
        worker.terminate()
    name = system.settings["GATEWAY_NAME"]
    wanted = f"gateway {name} was not stopped in order"
    eventually(lambda: refused(system, "8").startswith(wanted), 20, what="its lease is over")
    position = system.gateway.position()
    system.gateway.start().wait_for_line("broker link up", 30, since=position)
    assert system.gateway.terminate() == 0
    assert "8 shards are" not in system.manage("reshard", "4")
    system.manage("reshard", "8")
    with pytest.raises(CommandError, match="BRIDGE_SHARDS: 4 here, but the database was set up with 8"):
        system.manage("run_devices")
