"""A device that sends random messages of all shapes, as a process: ``python -m tests.support.fuzz.hostile_device``.

It sends the next one once the broker has confirmed the last one, and no faster than it is told to. Its last line says
how many bytes it has sent.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from typing import Final

from tests.support.clients.mqtt import MqttClient
from tests.support.fuzz.shapes import MAX_BYTES, random_genes, render

TOPICS: Final = ("telemetry", "state", "event/e", "telemetry", "status", "ack/x", "telemetry/m")
_RETAINED: Final = 0.05  # how often
_NO_JSON: Final = 0.1


def messages(count: int, seed: int) -> Iterator[tuple[str, bytes, bool]]:
    """Topic below the device's, payload, whether it is to be retained."""
    rng = random.Random(seed)
    for number in range(count):
        payload = render(random_genes(rng))
        if rng.random() < _NO_JSON:
            payload = _spoiled(payload, rng)
        yield TOPICS[number % len(TOPICS)], payload, rng.random() < _RETAINED


def _spoiled(payload: bytes, rng: random.Random) -> bytes:
    """No UTF-8, no JSON, or nothing."""
    place = rng.randrange(len(payload))
    return rng.choice(
        (
            payload[:place] + b"\xff" + payload[place:],
            payload[:place],
            rng.randbytes(min(len(payload), MAX_BYTES)),
            b'"' * len(payload),
            b"[" * len(payload),
        )
    )[:MAX_BYTES]


def main(arguments: list[str]) -> None:
    """Send them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("topic", help="of the device")
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--pace", type=float, default=0, help="messages a second at most; 0: as the broker confirms")
    told = parser.parse_args(arguments)
    size, begun_s = 0, time.monotonic()
    with MqttClient(told.port, client_id="hostile") as client:
        for number, (topic, payload, retain) in enumerate(messages(told.count, told.seed)):
            if told.pace:
                time.sleep(max(0.0, begun_s + number / told.pace - time.monotonic()))
            client.publish(f"{told.topic}/{topic}", payload, retain=retain)
            size += len(payload)
    print(size)


if __name__ == "__main__":
    main(sys.argv[1:])
