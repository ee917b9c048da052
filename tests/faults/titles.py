"""The faults in words, for tables."""

_LINKS = {
    "broker": "gateway – broker",
    "redis": "all processes – Redis",
    "database": "all processes – PostgreSQL",
}

TITLES = {
    "kill-gateway": "SIGKILL of the gateway",
    "kill-worker": "SIGKILL of a device worker",
    "kill-workers": "SIGKILL of all device workers",
    "kill-web": "SIGKILL of the web process",
    "kill-redis": "SIGKILL of Redis",
    "kill-postgres": "SIGKILL or immediate stop of PostgreSQL",
    "kill-several": "SIGKILL of two to four of these",
    "stop-gateway": "SIGTERM of the gateway",
    "stop-worker": "SIGTERM of a device worker",
    "stop-web": "SIGTERM of the web process",
    "restart-all": "restart of everything, servers too",
    "pause-gateway": "SIGSTOP of the gateway for 10 s",
    "pause-worker": "SIGSTOP of a device worker for 10 s",
    "pause-web": "SIGSTOP of the web process for 10 s",
    "flush-redis": "Redis FLUSHALL",
    **{f"cut-{link}": f"network cut: {way}" for link, way in _LINKS.items()},
    **{f"stall-{link}": f"network stalled: {way}" for link, way in _LINKS.items()},
    **{f"slow-{link}": f"network slow: {way}" for link, way in _LINKS.items()},
    "two-workers": "a second worker for a shard that is held",
    "two-gateways": "a second gateway with the same client id",
    "full-disk": "disk full",
    "lock-database": "database locked by another program",
    "demote-redis": "Redis demoted, its connections kept",
    "sentinel": "Sentinel fails over to the replica",
    "switch-postgres": "PostgreSQL: switchover to a synchronous standby, old connections kept",
    "lose-postgres": "PostgreSQL: SIGKILL, promotion of a synchronous standby",
    "amplifier": "a device sends hostile messages of 250 kB",
    "large-commands": "commands beyond the broker's packet limit, MQTT 5",
    "large-command-311": "a command beyond the broker's packet limit, MQTT 3.1.1",
    "stop-mosquitto": "SIGTERM of Mosquitto",
    "kill-mosquitto": "SIGKILL of Mosquitto",
    "thief": "a thief takes the gateway's session",
}
DATABASES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}
