"""Redis that is not one server for ever: demoted with connections kept, behind Sentinel, a cluster, by its socket."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from runtime.channel_layers.redis import ChannelLayer, GroupLayer
from tests.support.servers.ports import free_port
from tests.support.servers.processes import run_command
from tests.support.servers.proxies import Proxies
from tests.support.servers.redis import SENTINEL_NAME, redis_service, sentinel_service
from tests.support.servers.service import Service
from tests.support.waiting import eventually, eventually_async

WITHIN_S = 15
GOOD = {"SECRET_KEY": "only-for-tests" * 4, "MQTT_URL": "mqtt://127.0.0.1:1"}


@pytest.fixture
def pair() -> Iterator[tuple[Service, Service]]:
    """A master and its replica."""
    with contextlib.ExitStack() as stack:
        master, replica = redis_service("local"), redis_service("local", "--repl-diskless-sync-delay", "0")
        for one in (master, replica):
            stack.callback(one.close)
            one.start()
        _command(replica, "REPLICAOF", "127.0.0.1", str(master.port))
        eventually(lambda: _info(replica)["master_link_status"] == "up", WITHIN_S)
        yield master, replica


def _command(service: Service, *words: str) -> Any:
    with Redis.from_url(service.url) as client:
        return client.execute_command(*words)


def _info(service: Service) -> dict[str, Any]:
    with Redis.from_url(service.url) as client:
        return dict(client.info("replication"))


@contextlib.asynccontextmanager
async def both_layers(host: Any) -> AsyncIterator[tuple[ChannelLayer, GroupLayer]]:
    """As a process has them."""
    channels, groups = ChannelLayer(hosts=[host]), GroupLayer(hosts=[host], prefix="causeway-0")
    try:
        yield channels, groups
    finally:
        await channels.close_pools()
        await groups.flush()


async def carries(channels: ChannelLayer) -> bool:
    """Whether a message comes back."""
    try:
        async with asyncio.timeout(2):
            name = await channels.new_channel()
            await channels.send(name, {"type": "probe"})
            await channels.receive(name)
    except (OSError, RedisError):
        return False
    return True


async def broadcasts(sender: GroupLayer, receiver: GroupLayer, channel: str, number: int) -> bool:
    """Whether what one process sends to the group arrives in another."""
    with contextlib.suppress(OSError, RedisError):
        async with asyncio.timeout(1):
            await sender.group_send("g", {"type": "n", "number": number})
            while (await receiver.receive(channel))["number"] != number:
                pass
            return True
    return False


async def test_case_f1_a_demoted_redis_that_keeps_its_connections_is_left(pair: tuple[Service, Service]) -> None:
    master, replica = pair
    with Proxies({"redis": master.port}) as proxies:
        host = {"address": f"redis://127.0.0.1:{proxies.ports['redis']}/0"}
        async with both_layers(host) as (channels, groups), both_layers(host) as (_, hearing):
            channel = await hearing.new_channel()
            await hearing.group_add("g", channel)
            assert await carries(channels)
            assert await broadcasts(groups, hearing, channel, 0)
            _command(replica, "REPLICAOF", "NO", "ONE")
            _command(master, "REPLICAOF", "127.0.0.1", "1")  # a replica, cut off from its new master
            proxies.retarget("redis", replica.port)
            began = time.monotonic()
            await eventually_async(lambda: carries(channels), WITHIN_S)
            # Both processes publish: each so learns that what it has is no master any more.
            numbers = iter(range(1, 1_000))

            async def heard() -> bool:
                number = next(numbers)
                if await broadcasts(groups, hearing, channel, number):
                    return True
                with contextlib.suppress(OSError, RedisError):
                    await hearing.send("nobody", {"type": "probe"})
                if channel not in hearing._get_layer().channels:  # its receive was given up: as a hub does
                    await hearing._get_layer()._subscribe_to_channel(channel)
                return False

            await eventually_async(heard, WITHIN_S)
            assert time.monotonic() - began < WITHIN_S


async def test_case_f2_sentinel_leads_both_layers_to_the_master_of_now(
    pair: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    from config import service_urls

    master, replica = pair
    sentinel = sentinel_service(master.port)
    try:
        sentinel.start()
        eventually(lambda: len(_command(sentinel, "SENTINEL", "REPLICAS", SENTINEL_NAME)) == 1, 30)
        monkeypatch.setenv(
            "REDIS_URL", f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/{SENTINEL_NAME}/1"
        )
        found = service_urls.redis()
        assert found is not None
        async with both_layers(found[0]) as (channels, groups):
            channel = await groups.new_channel()
            await groups.group_add("g", channel)
            assert await carries(channels)
            assert await broadcasts(groups, groups, channel, 0)
            master.kill()
            await eventually_async(lambda: carries(channels), WITHIN_S)
            numbers = iter(range(1, 1_000))

            async def heard() -> bool:
                if channel not in groups._get_layer().channels:
                    with contextlib.suppress(OSError, RedisError):
                        await groups._get_layer()._subscribe_to_channel(channel)
                return await broadcasts(groups, groups, channel, next(numbers))

            await eventually_async(heard, WITHIN_S)
        assert _info(replica)["role"] == "master"
    finally:
        sentinel.close()


@pytest.mark.parametrize("process", ["run_gateway", "run_devices", "web"])
def test_case_f3_a_cluster_is_refused_at_start_in_one_line(process: str, tmp_path: Path) -> None:
    cluster = redis_service("local", "--cluster-enabled", "yes")
    try:
        cluster.start()
        settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3", "REDIS_URL": cluster.url, **GOOD}
        command = ["-c", "import config.asgi"] if process == "web" else ["manage.py", process]
        done = run_command([sys.executable, *command], settings, check=False)
    finally:
        cluster.close()
    assert done.returncode != 0
    assert "REDIS_URL: this is a Redis Cluster" in done.stderr
    assert done.stderr.count("\n") == 1


async def test_case_f4_two_databases_of_a_socket_are_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from config import service_urls

    socket = tmp_path / "redis.sock"
    redis = redis_service("local", "--unixsocket", str(socket))
    try:
        redis.start()
        prefixes = []
        async with contextlib.AsyncExitStack() as stack:
            layers = []
            for number in (1, 2):
                monkeypatch.setenv("REDIS_URL", f"unix://{socket}?db={number}")
                found = service_urls.redis()
                assert found is not None
                prefixes.append(found[1])
                layers.append((await stack.enter_async_context(both_layers(found[0])))[0])
            await layers[0].send("devices.0", {"type": "n"})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await layers[1].receive("devices.0")
            assert (await layers[0].receive("devices.0"))["type"] == "n"
        assert prefixes == [1, 2], "settings put it into the groups' prefix"
    finally:
        redis.close()
