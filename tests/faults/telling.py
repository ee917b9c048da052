"""What doesn't work is told within 5 s, by link frame and ``/readyz`` alike; and so is that it works again."""

import time
from collections.abc import Callable

import httpx

from tests.faults.arena import Arena
from tests.support.clients.web_socket import Frame

NAMED_S = WHOLE_S = 5.0
MARGIN_S = 3.0  # what a machine with more to do than this may add
_PARTS = ("database", "layer", "gateway", "broker", "workers")
_CHECKS = {"layer": "channel_layer", "broker": "broker_link", "workers": "shards"}


def is_named(arena: Arena, part: str, sentence: str) -> None:
    """Wait until both say this of a part; complain unless they do in time."""

    def named() -> bool:
        return arena.recorder.link.get(part) == "down" and sentence in _said(arena, part)

    _within(arena, named, NAMED_S, f"{part}: {sentence}")


def is_whole(arena: Arena) -> None:
    """Wait until every part works; complain unless that is told in time."""
    link = arena.recorder
    _within(arena, lambda: all(link.link.get(part) == "up" for part in _PARTS), WHOLE_S, "whole again")


def _said(arena: Arena, part: str) -> str:
    answer = httpx.get(f"{arena.system.url}/readyz", timeout=10, trust_env=False)
    check: Frame = answer.json()["checks"][_CHECKS.get(part, part)]
    return "" if check["ok"] else str(check["detail"])


def _within(arena: Arena, probe: Callable[[], bool], limit_s: float, what: str) -> None:
    began_s = time.monotonic()
    try:
        arena.wait(probe, limit_s + MARGIN_S, what)
    except AssertionError as error:
        arena.complaints.append(f"{error}; link: {arena.recorder.link}")
    else:
        arena.remarks.append(f"{what} after {time.monotonic() - began_s:.1f} s")
