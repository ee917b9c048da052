"""What is measured. Each scenario takes a running system and returns samples; the runner alternates the systems."""

import time

from tests.support.live import Frame
from tests.support.system import System
from tests.support.waiting import eventually


def lone_message_ms(system: System, messages: int) -> list[float]:
    """Publish → WebSocket frame, one message at a time: milliseconds of each."""
    key = "bench/lone"
    client = system.mqtt()
    client.publish(f"devices/{key}/telemetry", {"n": -1})
    eventually(lambda: system.api("bench", "admin", None)("GET", f"/devices/{key}").is_success)
    socket = system.ws("bench", "admin", None)
    socket.request("subscribe", devices={key: None}, max_rate_hz=100)
    socket.until_type("snapshot")
    samples = []
    for number in range(messages):
        begun = time.perf_counter()
        client.publish(f"devices/{key}/telemetry", {"n": number}, qos=1)
        socket.until(lambda frame, number=number: _carries(frame, number))  # type: ignore[misc]
        samples.append((time.perf_counter() - begun) * 1000)
        socket.acknowledge()
    socket.close()
    client.close()
    return samples


def _carries(frame: Frame, number: int) -> bool:
    if frame["type"] != "delta":
        return False
    return any(reading["metrics"].get("n") == number for item in frame["items"] for reading in item["readings"])


def burst_per_s(system: System, messages: int) -> list[float]:
    """QoS 1 messages of 50 devices in one burst, until the ledger says that the last is applied: messages a second."""
    api = system.api("bench", "admin", None)

    def applied() -> int:
        return int(api("GET", "/ledger").json()["applied"])

    wanted = applied() + messages
    client = system.mqtt()
    begun = time.perf_counter()
    client.publish_all((f"devices/bench/d{number % 50}/telemetry", {"n": number}) for number in range(messages))
    eventually(lambda: applied() >= wanted, 120, what="the burst is applied")
    took_s = time.perf_counter() - begun
    client.close()
    return [messages / took_s]
