"""What befalls the processes that run handlers, and what handlers themselves do wrong."""

import contextlib
import os
import signal
from pathlib import Path
from random import Random

from tests.faults.arena import Arena
from tests.faults.steps import PAUSE_S, Fault, Step, Timeline, moment, outage, sigkill, sigterm
from tests.support.servers.service import descendants


def _handlers(arena: Arena) -> list[str]:
    return [one.name for one in arena.system.handlers]


def _children(arena: Arena, name: str) -> list[int]:
    """The processes in which handlers of that one run, one each, and one for tasks."""
    process = arena.process(name)
    return [pid for pid in descendants(process.pid) if _is_child(pid)] if process.is_alive() else []


def _is_child(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill_handlers(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of one of the processes that run handlers, or of both; their children end by themselves."""
    names = _handlers(arena)
    return outage(random, random.sample(names, random.randint(1, len(names))), sigkill)


def kill_children(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of one to four of the children in which handlers run, each at a moment of its own."""

    def kill_one(arena: Arena) -> None:
        children = sorted(pid for name in _handlers(arena) for pid in _children(arena, name))
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)

    times = sorted(moment(random) for _ in range(random.randint(1, 4)))
    return [Step(at_s, "SIGKILL a handler's child", kill_one) for at_s in times]


def stop_handlers(random: Random, arena: Arena) -> Timeline:
    """SIGTERM of one of the processes that run handlers, or of both."""
    names = _handlers(arena)
    return outage(random, random.sample(names, random.randint(1, len(names))), sigterm)


def pause_handlers(random: Random, arena: Arena) -> Timeline:
    """SIGSTOP of all children of one of the processes for 10 s: others take their shards over, then they wake."""
    name, at_s = random.choice(_handlers(arena)), moment(random)
    stopped_ones: list[int] = []

    def tell(number: signal.Signals) -> None:
        for pid in stopped_ones:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(arena: Arena) -> None:
        stopped_ones.extend(_children(arena, name))
        tell(signal.SIGSTOP)

    return [
        Step(at_s, f"SIGSTOP the children of {name}", stop),
        Step(at_s + PAUSE_S, "SIGCONT them", lambda _arena: tell(signal.SIGCONT)),
    ]


def troubled(kind: str) -> Fault:
    """A handler raises at a device, or hangs, for some seconds."""

    def timeline(random: Random, arena: Arena) -> Timeline:
        device, at_s = random.choice(arena.load.devices), moment(random)
        until_s = at_s + random.uniform(4, 8)

        def begin(arena: Arena) -> None:
            assert arena.handled is not None
            arena.handled.trouble(device, kind)

        def end(arena: Arena) -> None:
            assert arena.handled is not None
            arena.handled.end_trouble()

        return [Step(at_s, f"a handler is to {kind} at {device}", begin), Step(until_s, "no more", end)]

    return timeline


def called_server_down(random: Random, arena: Arena) -> Timeline:
    """What handlers call says no to all for 2 to 5 s."""

    def set_down(arena: Arena, is_down: bool) -> None:
        assert arena.handled is not None
        arena.handled.flaky.is_down = is_down

    at_s = moment(random)
    return [
        Step(at_s, "the called server says no", lambda arena: set_down(arena, True)),
        Step(at_s + random.uniform(2, 5), "it says yes again", lambda arena: set_down(arena, False)),
    ]
