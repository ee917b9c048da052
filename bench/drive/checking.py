"""Checks the load generator against ``mosquitto_sub``: does the broker hand on what was sent, and how fast.

``python -m bench.drive.checking --port 1883 --seconds 5`` on a broker without other clients prints both rates as JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import Final

from bench.programs.load import BrokerGoneError, Generator, Plan, connected
from bench.protocol.packets import remaining_length

_LAST_S: Final = 20  # for what is under way
_READY: Final = "bench-load/ready"


class Counted:
    """``mosquitto_sub`` on all that is published, QoS 1: counts its lines. A context manager; begins subscribed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.lines = 0

    def __enter__(self) -> "Counted":
        plan = self._plan
        where = ["-h", plan.host, "-p", str(plan.port), "-q", "1"]
        _publish_retained(plan, b"ready")  # is delivered after SUBACK, and so tells of it
        command = [
            "stdbuf",
            "-oL",
            "mosquitto_sub",
            *where,
            "-t",
            f"{plan.root}/{plan.site}/#",
            "-t",
            _READY,
            "-F",
            "%t",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != _READY.encode():
            raise BrokerGoneError("mosquitto_sub did not subscribe")
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.terminate()
        self._process.wait(_LAST_S)
        self._thread.join(_LAST_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        _publish_retained(self._plan, b"")

    def _count(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 1 << 20):
            self.lines += data.count(b"\n")


def _publish_retained(plan: Plan, payload: bytes) -> None:
    topic = _READY.encode()
    with connected(plan.host, plan.port) as connection:
        body = len(topic).to_bytes(2) + topic + payload
        connection.sendall(
            b"\x31" + remaining_length(len(body)) + body + b"\xe0\x00"
        )  # PUBLISH, retain, QoS 0; DISCONNECT


def check(generator: Generator, seconds: float) -> dict[str, float]:
    """Both rates: what the generator brought in, and what came out of the broker."""
    with Counted(generator.plan) as listener:
        begun = time.monotonic()
        outcome = generator.run(seconds=seconds)
        while listener.lines < outcome.sent and time.monotonic() < begun + seconds + _LAST_S:
            time.sleep(0.01)
        took = time.monotonic() - begun
    received_per_s = round(listener.lines / took)
    result = {"sent_per_s": round(outcome.per_s), "received": listener.lines, "received_per_s": received_per_s}
    return {**result, **asdict(outcome)}


def main() -> int:
    """Run from the command line; returns the exit status: 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.drive.checking", description=sys.modules[__name__].__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with Generator(Plan(host=options.host, port=options.port, size=120, stamp=True)) as generator:
        found = check(generator, options.seconds)
    print(json.dumps(found))
    return int(found["received"] < found["sent"])


if __name__ == "__main__":
    sys.exit(main())
