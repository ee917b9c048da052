"""mqttasgi, in the place of the plain way's MQTT loop and worker, before the same Daphne and on the same channel layer.

It is installed with pip into ``var/bench/mqttasgi``, so only the full benchmark runs it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.environment import ROOT

_HOME: Final = ROOT / "var/bench/mqttasgi"
_REQUIREMENTS: Final = ROOT / "requirements/bench-mqttasgi.txt"
_PIP: Final = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--require-hashes")


def mqttasgi(mqtt_port: int) -> list[str]:
    """The command line of its one process."""
    broker = ["-H", "127.0.0.1", "-p", str(mqtt_port), "-i", "mqttasgi", "-c", "false"]
    return [str(install() / "bin/mqttasgi"), *broker, "bench.peers.plain.through_mqttasgi:application"]


def install(home: Path = _HOME) -> Path:
    """The virtual environment with mqttasgi, made unless it is there and as pinned.

    Raises:
        subprocess.CalledProcessError: pip could not; it has said why.
    """
    pins, stamp = _REQUIREMENTS.read_text(), home / "installed.txt"
    if not stamp.exists() or stamp.read_text() != pins:
        home.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin/python", *_PIP, "-r", _REQUIREMENTS], check=True)
        stamp.write_text(pins)
    return home
