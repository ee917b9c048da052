"""MQTT 5 against a broker of MQTT 3.1.1 only: mosquitto, behind a gate that refuses as such a broker does."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from tests.integration.gateway_rig import gateway_rig, numbered
from tests.support.servers.service import Service
from tests.support.waiting import eventually_async

_UNACCEPTABLE = b"\x20\x02\x00\x01"  # CONNACK of MQTT 3.1.1 (3.2.2.3)
_HEAD_BYTES = 14  # at least the fixed header, the protocol's name and its level


@contextlib.asynccontextmanager
async def _older(port: int) -> AsyncIterator[int]:
    """The broker at this port, without MQTT 5; the gate's port."""
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def gate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(_HEAD_BYTES)
        if head[head.index(b"MQTT") + 4] > 4:
            writer.write(_UNACCEPTABLE)
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write(head)
        tasks.update(asyncio.ensure_future(pass_on(*way)) for way in ((reader, back), (there, writer)))

    server = await asyncio.start_server(gate, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for task in tasks:
        task.cancel()


def _incidents(directory: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(directory / "gateway.sqlite3")) as database, database:
        return database.execute("SELECT kind, detail FROM mqtt_gateway_incident").fetchall()


async def test_case_e7_the_gateway_goes_on_with_3_1_1_and_says_so_once(
    mosquitto: Service, redis: Service, tmp_path: Path
) -> None:
    async with (
        _older(mosquitto.port) as port,
        gateway_rig(mosquitto, redis, tmp_path, MQTT_URL=f"mqtt://127.0.0.1:{port}") as rig,
    ):
        rig.work()
        await rig.start()
        await rig.publish(numbered(300))
        await rig.applied(300)
        await asyncio.to_thread(rig.gateway.terminate)  # the session stays, and is found again in 3.1.1
        await rig.publish(numbered(300, start=300))
        since = rig.gateway.position()
        await rig.start()
        await rig.applied(600)
        assert sorted(rig.payloads(), key=int) == [b"%d" % n for n in range(600)]
        await eventually_async(lambda: _incidents(tmp_path), what="it is on /ops")
        assert _incidents(tmp_path) == [("older_protocol", "MQTT 3.1.1")]
        said = [line for line in rig.gateway.log()[since:].splitlines() if "MQTT_VERSION" in line]
        assert len(said) == 1
        assert "unsupported protocol version" in said[0]
        assert "MQTT_VERSION=3.1.1" in said[0]
