"""The faults: each turns a random generator into a timeline of steps. Same seed, same timeline."""

import signal
from random import Random

from tests.faults.arena import Arena
from tests.faults.clocks import jump
from tests.faults.disks import fill_disk, fill_redis_disk, lock_database
from tests.faults.failovers import demote_redis, fail_over_redis, lose_postgres, switch_postgres
from tests.faults.grounds import World
from tests.faults.handler_faults import (
    called_server_down,
    kill_children,
    kill_handlers,
    pause_handlers,
    stop_handlers,
    troubled,
)
from tests.faults.intruders import amplifier, large_command_311, large_commands, thief
from tests.faults.steps import PAUSE_S, Fault, Step, Timeline, down_s, moment, once, outage, sigkill, sigterm, started

# ---- SIGKILL


def killed(name: str) -> Fault:
    """SIGKILL of one, by name."""
    return lambda random, _arena: outage(random, [name], sigkill)


def kill_worker(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of one of the device workers."""
    return outage(random, [random.choice(arena.workers())], sigkill)


def kill_workers(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of all device workers."""
    return outage(random, arena.workers(), sigkill)


def kill_postgres(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of PostgreSQL with all its children, or its immediate shutdown."""
    if random.random() < 0.5:
        return outage(random, ["postgres"], sigkill)
    crash = lambda name, at_s: Step(at_s, f"immediate stop of {name}", Arena.crash_postgres)  # noqa: E731
    return outage(random, ["postgres"], crash)


def kill_several(random: Random, arena: Arena) -> Timeline:
    """SIGKILL of two to four of all but the broker, each at a moment of its own."""
    names = [name for name in arena.names() if name != "mosquitto"]
    return [step for name in random.sample(names, random.randint(2, 4)) for step in outage(random, [name], sigkill)]


# ---- SIGTERM, SIGSTOP


def stopped(name: str) -> Fault:
    """SIGTERM of one, by name."""
    return lambda random, _arena: outage(random, [name], sigterm)


def stop_worker(random: Random, arena: Arena) -> Timeline:
    """SIGTERM of one of the device workers."""
    return outage(random, [random.choice(arena.workers())], sigterm)


def restart_all(random: Random, arena: Arena) -> Timeline:
    """SIGTERM of everything, our processes and the servers, in any order; then all are started."""
    names = arena.names()
    random.shuffle(names)
    return outage(random, names, sigterm)


def paused(name: str) -> Fault:
    """SIGSTOP of one, by name, for 10 s."""
    return lambda random, _arena: _pause(random, name)


def pause_worker(random: Random, arena: Arena) -> Timeline:
    """SIGSTOP of one of the device workers for 10 s."""
    return _pause(random, random.choice(arena.workers()))


def _pause(random: Random, name: str) -> Timeline:
    at_s = moment(random)
    return [
        Step(at_s, f"SIGSTOP {name}", lambda arena: arena.signal(name, signal.SIGSTOP)),
        Step(at_s + PAUSE_S, f"SIGCONT {name}", lambda arena: arena.signal(name, signal.SIGCONT)),
    ]


# ---- Redis, network


def flush_redis(random: Random, arena: Arena) -> Timeline:
    """FLUSHALL, one to five times."""
    times = sorted(moment(random) for _ in range(random.randint(1, 5)))
    return [Step(at_s, "FLUSHALL", lambda arena: arena.redis("FLUSHALL")) for at_s in times]


def cut(link: str) -> Fault:
    """The network between us and a server: broken, then refused for up to 3 s."""

    def timeline(random: Random, arena: Arena) -> Timeline:
        at_s = moment(random)
        return [
            Step(at_s, f"cut {link}", lambda arena: arena.proxies.refuse(link)),
            Step(at_s + down_s(random), f"heal {link}", lambda arena: arena.proxies.heal(link)),
        ]

    return timeline


def stalled(link: str) -> Fault:
    """The network between us and a server: connections stay, no byte passes, for 1 to 6 s."""

    def timeline(random: Random, arena: Arena) -> Timeline:
        at_s = moment(random)
        return [
            Step(at_s, f"stall {link}", lambda arena: arena.proxies.stall(link)),
            Step(at_s + random.uniform(1, 6), f"heal {link}", lambda arena: arena.proxies.heal(link)),
        ]

    return timeline


def slowed(link: str) -> Fault:
    """The network between us and a server: late by 10 to 60 ms and narrow, for 2 to 5 s."""

    def timeline(random: Random, arena: Arena) -> Timeline:
        at_s, delay_s, bytes_per_s = moment(random), random.uniform(0.01, 0.06), random.uniform(1e5, 1e6)
        what = f"slow {link} down: {delay_s * 1000:.0f} ms, {bytes_per_s / 1e3:.0f} kB/s"
        return [
            Step(at_s, what, lambda arena: arena.proxies.slow(link, delay_s=delay_s, bytes_per_s=bytes_per_s)),
            Step(at_s + random.uniform(2, 5), f"heal {link}", lambda arena: arena.proxies.heal(link)),
        ]

    return timeline


# ---- two where one should be


def two_workers(random: Random, arena: Arena) -> Timeline:
    """A second worker is told to take a shard that is held; then it is killed or stopped."""
    at_s, kill = moment(random), random.random() < 0.5
    return [
        Step(
            at_s, "start a second worker of shard 0", lambda arena: arena.extra("rival", "run_devices", "--shards", "0")
        ),
        Step(
            at_s + random.uniform(2, 5),
            f"{'SIGKILL' if kill else 'SIGTERM'} the second worker",
            lambda arena: arena.drop_extra("rival", kill=kill),
        ),
    ]


def two_gateways(random: Random, arena: Arena) -> Timeline:
    """A second gateway with the same client id; the first is killed, comes back, and the second is killed."""
    at_s = moment(random)
    killed_s = at_s + random.uniform(1.5, 3)
    dropped_s = killed_s + random.uniform(3, 5)
    return [
        Step(at_s, "start a second gateway", lambda arena: arena.extra("twin-gateway", "run_gateway")),
        once("twin-gateway", "standing by", sigkill("gateway", killed_s)),
        once("twin-gateway", "broker link up", started("gateway", killed_s + random.uniform(0, 2))),
        Step(dropped_s, "SIGKILL the second gateway", lambda arena: arena.drop_extra("twin-gateway", kill=True)),
    ]


HANDLERS: dict[str, Fault] = {
    "handlers-killed": kill_handlers,
    "handlers-children": kill_children,
    "handlers-stopped": stop_handlers,
    "handlers-paused": pause_handlers,
    "handlers-raise": troubled("raise"),
    "handlers-hang": troubled("hang"),
    "handlers-called": called_server_down,
    "handlers-worker": kill_workers,
    "handlers-gateway": killed("gateway"),
    "handlers-redis": killed("redis"),
    "handlers-postgres": kill_postgres,
    "handlers-cut": cut("database"),
    "handlers-several": kill_several,
}

LINKS = ("broker", "redis", "database")

FAULTS: dict[str, Fault] = {
    "kill-gateway": killed("gateway"),
    "kill-worker": kill_worker,
    "kill-workers": kill_workers,
    "kill-web": killed("web"),
    "kill-redis": killed("redis"),
    "kill-postgres": kill_postgres,
    "kill-several": kill_several,
    "stop-gateway": stopped("gateway"),
    "stop-worker": stop_worker,
    "stop-web": stopped("web"),
    "restart-all": restart_all,
    "pause-gateway": paused("gateway"),
    "pause-worker": pause_worker,
    "pause-web": paused("web"),
    "flush-redis": flush_redis,
    **{f"cut-{link}": cut(link) for link in LINKS},
    **{f"stall-{link}": stalled(link) for link in LINKS},
    **{f"slow-{link}": slowed(link) for link in LINKS},
    "two-workers": two_workers,
    "two-gateways": two_gateways,
    "full-disk": fill_disk,
    "full-redis-disk": fill_redis_disk,
    "clock-jump": jump,
    "lock-database": lock_database,
    "demote-redis": demote_redis,
    "sentinel": fail_over_redis,
    "switch-postgres": switch_postgres,
    "lose-postgres": lose_postgres,
    "amplifier": amplifier,
    "large-commands": large_commands,
    "large-command-311": large_command_311,
    "stop-mosquitto": stopped("mosquitto"),
    "kill-mosquitto": killed("mosquitto"),
    "thief": thief,
    **HANDLERS,
}

KILLS = ("kill-gateway", "kill-worker", "kill-workers", "kill-web", "kill-redis", "kill-postgres", "kill-several")
FORGETFUL = frozenset({"kill-mosquitto", "thief"})  # the broker may forget, repeat, give to others: told apart
FIELD = (
    "demote-redis", "sentinel", "switch-postgres", "lose-postgres", "full-disk", "full-redis-disk", "lock-database",
    "clock-jump", "amplifier", "large-commands", "large-command-311", "thief",
)  # fmt: skip
FAILOVERS = frozenset({"demote-redis", "sentinel", "switch-postgres", "lose-postgres"})  # 15 s until data flow again
_POSTGRES = (
    "kill-postgres",
    "cut-database",
    "stall-database",
    "slow-database",
    "switch-postgres",
    "lose-postgres",
    "clock-jump",
    "handlers-postgres",
    "handlers-cut",
)
_ONLY = {"lock-database": "sqlite", **dict.fromkeys(_POSTGRES, "postgres")}
_WORLDS: dict[str, World] = {
    **dict.fromkeys(HANDLERS, "handlers"),
    **dict.fromkeys(FORGETFUL, "apart"),
    "demote-redis": "replica",
    "sentinel": "sentinel",
    "full-redis-disk": "redis disk",
    "clock-jump": "clocks",
    "switch-postgres": "standby",
    "lose-postgres": "hosts",
    "large-commands": "narrow",
    "large-command-311": "narrow 3.1.1",
}


def world_of(fault: str, database: str) -> World:
    """In which one it happens."""
    if (fault, database) == ("full-disk", "postgres"):
        return "disk"
    return _WORLDS.get(fault, "plain")


def possible(names: tuple[str, ...] | list[str], database: str) -> list[str]:
    """Those that make sense with this database."""
    return [name for name in names if _ONLY.get(name, database) == database]


SETS: dict[str, tuple[str, ...]] = {
    "kills": KILLS,
    "all": tuple(name for name in FAULTS if name not in FORGETFUL and name not in HANDLERS),
    "handlers": tuple(HANDLERS),
    "field": FIELD,
    "broker": ("stop-mosquitto",),
    "forgetful": tuple(FORGETFUL),
}
