"""The table of areas: whose samples are whose."""

from pathlib import Path

import pytest

from bench.report.areas import OTHER, PREFIXES, sampled

ROOT = Path(__file__).parents[4]
MAIN = "thread (7): MainThread"
LOOP = (
    f"{MAIN};main (manage.py);handle (mqtt_gateway/management/commands/run_gateway.py);Runner.run (asyncio/runners.py)"
)
DAPHNE = f"{MAIN};Server.run (daphne/server.py);AsyncioSelectorReactor.run (twisted/internet/asyncioreactor.py);"
STEP = f"{DAPHNE}BaseEventLoop.run_forever (asyncio/base_events.py);BaseEventLoop._run_once (asyncio/base_events.py)"
BEGUN = "thread (8): database;Thread._bootstrap (threading.py);Thread.run (threading.py)"
THREAD = f"{BEGUN};_Threads._serve (runtime/database.py);work (devices/worker/round/rounds.py)"
TURN = f"{STEP};Handle._run (asyncio/events.py)"
MQTT, LAYER, SERVER = "MQTT", "channel layer, Redis client", "ASGI, Daphne, Twisted"


def shares(raw: str, ran_s: dict[int, float]) -> dict[str, float]:
    """Of areas in the CPU time, the largest first."""
    found = sampled(raw, ran_s, 100)
    whole = sum(found.values())
    return {area: value / whole for area, value in sorted(found.items(), key=lambda one: -one[1])}


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
    times = {7: 0.07, 8: 0.07}
    assert shares(raw, times) == {area: 1.0}


def test_shares_add_up_and_the_largest_comes_first() -> None:
    raw = f"{LOOP};c (mqtt_gateway/uplink/uplink.py) 10\n"
    raw += f"{LOOP};a (paho/mqtt/client.py) 60\n{LOOP};b (redis/client.py) 30\n"
    found = shares(raw, {7: 1.0})
    assert list(found.items()) == [(MQTT, 0.6), (LAYER, 0.3), ("naming and batching", 0.1)]


def test_each_thread_counts_as_long_as_the_kernel_says_it_ran() -> None:
    raw = f"{LOOP};a (paho/mqtt/client.py) 10\n{THREAD};store (devices/worker/effects/storage.py) 90\n"
    found = sampled(raw, {7: 0.3, 8: 0.1, 9: 0.0}, 100)
    assert found == pytest.approx({MQTT: 0.3, "database": 0.1})


def test_what_is_beyond_the_time_it_ran_is_taken_off_where_a_thread_sleeps() -> None:
    raw = f"{LOOP} 80\n{LOOP};a (paho/mqtt/client.py) 60\n"  # 140 samples, 90 of them on a core
    assert shares(raw, {7: 0.9}) == pytest.approx({MQTT: 2 / 3, "event loop": 1 / 3})


@pytest.mark.parametrize(
    "asleep",
    [
        LOOP,
        f"{STEP};EpollSelector.select (selectors.py)",
        f"{BEGUN};_serve (runtime/database.py)",
        f"{BEGUN};_worker (concurrent/futures/thread.py)",
        f"{BEGUN};worker (psycopg_pool/pool.py);Queue.get (queue.py);Condition.wait (threading.py)",
        f"{THREAD};execute (psycopg/cursor.py);Connection.wait (psycopg/connection.py)",
    ],
)
def test_who_is_only_ever_sampled_asleep_used_nothing(asleep: str) -> None:
    raw = f"{asleep} 900\n{MAIN};a (paho/mqtt/client.py) 10\n{BEGUN};_serve (x.py);a (paho/mqtt/client.py) 10\n"
    times = {7: 0.05, 8: 0.05}
    assert shares(raw, times) == {MQTT: 1.0}


def test_what_sleep_cannot_explain_is_taken_off_evenly() -> None:
    raw = f"{LOOP} 10\n{LOOP};a (paho/mqtt/client.py) 60\n{LOOP};b (redis/client.py) 20\n"
    assert shares(raw, {7: 0.4}) == pytest.approx({MQTT: 0.75, LAYER: 0.25})


def test_no_samples_are_no_shares() -> None:
    assert shares("", {7: 0.2}) == {}
    assert sampled("", {}, 100) == {}


def test_the_table_names_only_modules_of_ours_that_exist() -> None:
    ours = ("bridge/", "config/", "devices/", "mqtt_gateway/")
    prefixes = [prefix for group in PREFIXES.values() for prefix in group.split() if prefix.startswith(ours)]
    assert not [prefix for prefix in prefixes if not (ROOT / prefix).exists()]
    assert OTHER not in PREFIXES
