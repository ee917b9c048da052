"""The table of areas: whose samples are whose."""

from pathlib import Path

import pytest

from bench.report.areas import AREAS, PREFIXES, sampled

ROOT = Path(__file__).parents[4]
MAIN = "MainThread"
LOOP = (
    f"{MAIN};main (manage.py);handle (mqtt_gateway/management/commands/run_gateway.py);Runner.run (asyncio/runners.py)"
)
DAPHNE = f"{MAIN};Server.run (daphne/server.py);AsyncioSelectorReactor.run (twisted/internet/asyncioreactor.py);"
STEP = f"{DAPHNE}BaseEventLoop.run_forever (asyncio/base_events.py);BaseEventLoop._run_once (asyncio/base_events.py)"
BEGUN = "database;Thread._bootstrap (threading.py);Thread.run (threading.py)"
THREAD = f"{BEGUN};_Threads._serve (runtime/database.py);work (devices/worker/round/rounds.py)"
TURN = f"{STEP};Handle._run (asyncio/events.py)"
MQTT, LAYER, SERVER = "MQTT", "channel layer, Redis client", "ASGI, Daphne, Twisted"


@pytest.mark.parametrize(
    ("above", "frames", "area"),
    [
        (LOOP, "on_readable (mqtt_gateway/client/session.py);_packet_read (paho/mqtt/client.py)", MQTT),
        (
            LOOP,
            "Uplink.run (mqtt_gateway/uplink/uplink.py);take (mqtt_gateway/rules/shard_queue.py)",
            "naming and batching",
        ),
        (LOOP, "Uplink._send (mqtt_gateway/uplink/uplink.py);Layer.send (mqtt_gateway/layer.py)", LAYER),
        (LOOP, "execute_command (redis/asyncio/client.py);writelines (asyncio/streams.py)", LAYER),
        (LOOP, "sleep (asyncio/tasks.py)", "event loop"),
        (LOOP, "", "event loop"),
        (STEP, "EpollSelector.select (selectors.py)", "event loop"),
        (TURN, "Connection.writeSomeData (twisted/internet/tcp.py)", SERVER),
        (TURN, "Hub.commit (devices/web/live/hub/hub.py)", "hub"),
        (
            TURN,
            "Hub.commit (devices/web/live/hub/hub.py);splice (devices/web/live/socket/client_frames.py)",
            "frame encoding",
        ),
        (THREAD, "execute (psycopg/cursor.py);filter (re/__init__.py)", "database"),
        (THREAD, "decode (bridge/dialects/native/payloads.py)", "decoding"),
        (THREAD, "reduce (devices/rules/reducer.py)", "reducing"),
        (THREAD, "", "rounds, redeliveries"),
        (BEGUN, "somebody (elsewhere/else.py)", "other"),
        (f"{MAIN}; ()", "", "other"),
    ],
)
def test_the_innermost_known_frame_below_the_loop_decides(above: str, frames: str, area: str) -> None:
    raw = ";".join(filter(None, (above, frames))) + " 7\n"
    assert sampled(raw) == {area: 7}


def test_samples_of_one_area_add_up() -> None:
    raw = f"{LOOP};c (mqtt_gateway/uplink.py) 10\n{LOOP};a (paho/mqtt/client.py) 60\n{LOOP};b (paho/client.py) 30\n"
    assert sampled(raw) == {MQTT: 90, "naming and batching": 10}


def test_no_samples_are_no_areas() -> None:
    assert not sampled("")


def test_the_table_names_only_modules_of_ours_that_exist() -> None:
    ours = ("bridge/", "config/", "devices/", "mqtt_gateway/")
    prefixes = [prefix for group in PREFIXES.values() for prefix in group if prefix.startswith(ours)]
    assert not [prefix for prefix in prefixes if not (ROOT / prefix).exists()]
    assert len(set(AREAS)) == len(AREAS)
