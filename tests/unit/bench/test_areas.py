"""The table of areas: whose samples are whose."""

from pathlib import Path

import pytest

from bench.areas import AREAS, PREFIXES, sampled, unknown

ROOT = Path(__file__).parents[3]
GATEWAY = (
    "<module> (manage.py);Command.handle (mqtt_gateway/management/commands/run_gateway.py);run (uvloop/__init__.py);"
)
LOOP = f"{GATEWAY}Runner.run (asyncio/runners.py)"
DAPHNE = "Server.run (daphne/server.py);AsyncioSelectorReactor.run (twisted/internet/asyncioreactor.py);"
STEP = f"{DAPHNE}BaseEventLoop.run_forever (asyncio/base_events.py);BaseEventLoop._run_once (asyncio/base_events.py)"
THREAD = "Thread.run (threading.py);DatabaseThread._serve (devices/ingest/database.py);work (devices/ingest/keeper.py)"
TURN = f"{STEP};Handle._run (asyncio/events.py)"
MQTT, LAYER, SERVER = "MQTT", "channel layer, Redis client", "ASGI, Daphne, Twisted"


@pytest.mark.parametrize(
    ("above", "frames", "area"),
    [
        (LOOP, "on_readable (mqtt_gateway/session.py);_packet_read (paho/mqtt/client.py)", MQTT),
        (LOOP, "Uplink.run (mqtt_gateway/uplink.py);take (mqtt_gateway/shard_link.py)", "naming and batching"),
        (LOOP, "Uplink._send (mqtt_gateway/uplink.py);Layer.send (mqtt_gateway/layer.py)", LAYER),
        (LOOP, "execute_command (redis/asyncio/client.py);writelines (asyncio/streams.py)", LAYER),
        (LOOP, "sleep (asyncio/tasks.py)", "event loop"),
        (LOOP, "", "event loop"),
        (STEP, "EpollSelector.select (selectors.py)", "event loop"),
        (TURN, "Connection.writeSomeData (twisted/internet/tcp.py)", SERVER),
        (TURN, "Hub.commit (devices/web/live/hub.py)", "hub"),
        (TURN, "Hub.commit (devices/web/live/hub.py);splice (devices/web/live/frames.py)", "frame encoding"),
        (THREAD, "execute (psycopg/cursor.py);filter (re/__init__.py)", "database"),
        (THREAD, "decode (bridge/payloads.py)", "decoding"),
        (THREAD, "reduce (devices/rules/reducer.py)", "reducing"),
        (THREAD, "", "rounds, redeliveries"),
        ("Thread.run (threading.py)", "somebody (elsewhere/else.py)", "other"),
        (" ()", "", "other"),
    ],
)
def test_the_innermost_known_frame_below_the_loop_decides(above: str, frames: str, area: str) -> None:
    raw = ";".join(filter(None, (above, frames))) + " 7\n"
    assert sampled(raw, 7 / 100, 100).shares == {area: 1.0}


def test_shares_add_up_and_the_largest_comes_first() -> None:
    raw = f"{LOOP};a (paho/mqtt/client.py) 60\n{LOOP};b (redis/client.py) 30\n{LOOP};c (mqtt_gateway/uplink.py) 10\n"
    found = sampled(raw, 1.0, 100)
    assert list(found.shares.items()) == [
        ("MQTT", 0.6),
        ("channel layer, Redis client", 0.3),
        ("naming and batching", 0.1),
    ]
    assert (found.samples, found.waited) == (100, 0.0)


def test_what_is_beyond_the_cpu_time_is_taken_off_where_threads_sleep() -> None:
    raw = f"{LOOP} 80\n{LOOP};a (paho/mqtt/client.py) 60\n"
    found = sampled(raw, 0.9, 100)  # 140 samples, 90 of them on a core
    assert found.shares == {"MQTT": pytest.approx(60 / 90), "event loop": pytest.approx(30 / 90)}
    assert found.waited == pytest.approx(50 / 140)


def test_what_sleep_cannot_explain_is_taken_off_evenly() -> None:
    raw = f"{LOOP} 10\n{LOOP};a (paho/mqtt/client.py) 60\n{LOOP};b (redis/client.py) 20\n"
    assert sampled(raw, 0.4, 100).shares == {"MQTT": 0.75, "channel layer, Redis client": 0.25}


def test_no_samples_are_no_shares() -> None:
    assert sampled("", 0.0, 100).shares == {}
    assert sampled("", 0.2, 100).waited == 0.0


def test_it_tells_what_the_table_lacks() -> None:
    raw = f"{LOOP};who (knows/x.py) 3\n{LOOP};who (knows/y.py) 5\n{LOOP};a (paho/mqtt/client.py) 9\n"
    assert list(unknown(raw).items()) == [("who (knows/y.py)", 5), ("who (knows/x.py)", 3)]


def test_the_table_names_only_modules_of_ours_that_exist() -> None:
    ours = ("bridge/", "config/", "devices/", "mqtt_gateway/")
    prefixes = [prefix for group in PREFIXES.values() for prefix in group if prefix.startswith(ours)]
    assert not [prefix for prefix in prefixes if not (ROOT / prefix).exists()]
    assert len(set(AREAS)) == len(AREAS)
