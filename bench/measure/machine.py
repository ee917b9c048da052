"""What figures were measured on and with: processor, memory, versions of the servers and libraries."""

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.support.servers.installing import PROGRAMS, find_program

_LIBRARIES: Final = (
    *("Django", "channels", "channels-redis", "daphne", "aiomqtt", "paho-mqtt"),
    *("msgspec", "psycopg", "redis", "hiredis", "uvloop"),
)
_SERVERS: Final = {"Mosquitto": "mosquitto -h", "Redis": "redis-server --version", "PostgreSQL": "postgres --version"}
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")


def machine() -> dict[str, Any]:
    """``{"cpu", "cores", "memory_gib", "kernel", "python", "versions": {name: version}}``; no host name."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "versions": {**_servers(), **_libraries()},
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"(?m)^model name\s*:\s*(.+)$", cpuinfo.read_text() if cpuinfo.exists() else "")
    return found[1] if found else platform.machine()


def _servers() -> dict[str, str]:
    found = {}
    for name, command in _SERVERS.items():
        program, option = command.split()
        if path := find_program([program], PROGRAMS[program].places):
            said = subprocess.run([path, option], capture_output=True, text=True, timeout=10, check=False)
            found[name] = [*_VERSION.findall(said.stdout + said.stderr), "unknown"][0]
    return found


def _libraries() -> dict[str, str]:
    return {"redis-py" if name == "redis" else name: importlib.metadata.version(name) for name in _LIBRARIES}
