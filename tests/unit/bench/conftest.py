"""A small run's results, with round numbers."""

from collections.abc import Mapping
from typing import Any

import pytest

from bench.measure.results import OURS, Measured, Usage, summarise

PLAIN = "plain Channels, Redis layer"
IDLE = {"gateway": 60.0, "workers": 160.0, "web": 70.0, "mosquitto": 6.0, "redis": 9.0, "postgres": 40.0}
BASE = {"gateway": 0.01, "workers": 0.04, "web": 0.02, "mosquitto": 0.0, "redis": 0.0, "postgres": 0.01}
US = {"gateway": 40.0, "workers": 100.0, "web": 10.0, "mosquitto": 20.0, "redis": 10.0, "postgres": 50.0}


def at_rate(per_s: float, p50_ms: float) -> Measured:
    """Ten seconds of Causeway at a rate, whose CPU time is a straight line."""
    cpu_s = {role: 10 * (BASE[role] + US[role] * per_s / 1e6) for role in US}
    figures = {
        "cpu_percent": 10 * sum(cpu_s.values()),
        "messages_per_s": per_s,
        "p50_ms": p50_ms,
        "p99_ms": 4 * p50_ms,
        "lost": 0,
        "cpu_us_per_message": sum(cpu_s.values()) / (10 * per_s) * 1e6,
    }
    return Measured(figures, {role: Usage(cpu_s[role], IDLE[role]) for role in US} | {"generator": Usage(3.0, 20.0)})


def idle() -> Measured:
    """Ten seconds of Causeway with nothing to do."""
    usage = {role: Usage(10 * BASE[role], IDLE[role]) for role in US}
    return Measured({"cpu_percent": 100 * sum(BASE.values())}, usage)


def lone() -> Measured:
    """Ten seconds of four lone messages a second; CPU time above idle."""
    usage = {role: Usage(40 * US[role] / 1e6, IDLE[role]) for role in US}
    figures = {"messages_per_s": 4.0, "cpu_us_per_message": sum(US.values()), "p50_ms": 4.0, "p99_ms": 9.0, "lost": 0}
    return Measured(figures, usage)


def plain(per_s: float, p50_ms: float) -> Measured:
    """Another installation, ten times slower."""
    figures = {"messages_per_s": per_s, "p50_ms": p50_ms, "p99_ms": 5 * p50_ms, "lost": 3, "cpu_us_per_message": 2000.0}
    return Measured(figures, {"web": Usage(9.0, 50.0)})


def memory(role: str, mib: float, figures: Mapping[str, float]) -> Measured:
    """One where only a role's memory is of interest."""
    usage = {name: Usage(1.0, IDLE[name]) for name in US}
    return Measured(figures, {**usage, role: Usage(1.0, mib)})


FANOUT = {"items_per_s": 200_000.0, "frames_per_s": 10_000.0, "web_cpu_us_per_frame": 50.0 + 2.2, "p99_ms": 150.0}


def scenario(
    title: str, better: Mapping[str, str], rounds: Mapping[str, list[Measured]], **more: Any
) -> dict[str, Any]:
    """As the runner writes it."""
    count = len(next(iter(rounds.values())))
    what = f"What {title} measures"
    return {
        "title": title,
        "what": what,
        "rounds": count,
        "better": dict(better),
        "installations": summarise(rounds),
        "limits": [],
        **more,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    speed = {"messages_per_s": "higher", "p50_ms": "lower", "p99_ms": "lower"}
    held = {
        "figure": "messages_per_s",
        "text": "at least 5,000",
        "at": "≥",
        "actual": 8000.0,
        "bound": 5000.0,
        "held": True,
    }
    missed = {"figure": "p99_ms", "text": "p99 at most 3 ms", "at": "≤", "actual": 80.0, "bound": 3.0, "held": False}
    uplink = {OURS: [at_rate(7900, 20), at_rate(8000, 20), at_rate(8100, 20)], PLAIN: [plain(800, 30)] * 3}
    late = {"p50_ms": "lower", "p99_ms": "lower"}
    return {
        "mode": "quick",
        "date": "2026-01-31",
        "took_s": 437,
        "machine": {
            "cpu": "Test & Co",
            "cores": 2,
            "memory_gib": 7.8,
            "kernel": "Linux 6",
            "python": "3.11",
            "versions": {"Mosquitto": "2.0.11"},
        },
        "scenarios": {
            "uplink": scenario("Uplink", speed, uplink, limits=[held, missed]),
            "latency/50%": scenario("Latency", late, {OURS: [at_rate(4000, 10)], PLAIN: [plain(400, 5)]}),
            "rates/idle": scenario("Rates", {"cpu_percent": "lower"}, {OURS: [idle()]}),
            "rates/lone": scenario("Rates", late, {OURS: [lone()]}, failed={PLAIN: "it fell over"}),
            "rates/200": scenario("Rates", late, {OURS: [at_rate(200, 4)], PLAIN: [plain(200, 5)]}),
            "rates/4000": scenario("Rates", late, {OURS: [at_rate(4000, 9)]}),
            "fanout/1000": scenario("Fan-out", {"items_per_s": "higher"}, {OURS: [memory("web", 170.0, FANOUT)]}),
            "scale/100": scenario("Scale", {"x_ms": "lower"}, {OURS: [memory("workers", 160.0, {"x_ms": 1.0})]}),
            "scale/100100": scenario("Scale", {"x_ms": "lower"}, {OURS: [memory("workers", 260.0, {"x_ms": 1.5})]}),
        },
        "profile": {
            "uplink": {
                "title": "MQTT to one dashboard",
                "unit": "message",
                "rate_per_s": 4000.0,
                "roles": {
                    "gateway": {
                        "cpu_us": 40.0,
                        "processes": 1,
                        "areas": {"MQTT": 30.0, "other": 10.0},
                        "samples": 300,
                        "waited": 0.1,
                    },
                    "redis": {"cpu_us": 10.0, "processes": 1},
                },
            }
        },
    }
