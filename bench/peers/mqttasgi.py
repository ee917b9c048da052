"""mqttasgi as an installation: in the place of the plain way's MQTT loop and worker, before the same Daphne.

It is installed with pip into ``var/bench/mqttasgi``, so only the full benchmark runs it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.peers.plain_channels import REDIS_LAYER, PlainChannels
from tests.support.environment import ROOT

_HOME: Final = ROOT / "var/bench/mqttasgi"
_REQUIREMENTS: Final = ROOT / "requirements/bench-mqttasgi.txt"
_PIP: Final = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", "--require-hashes")


class Mqttasgi(PlainChannels):
    """One mqttasgi process, which is both, and Daphne, on the channel layer that mqttasgi's documentation names."""

    def __init__(self, name: str) -> None:
        super().__init__(name, REDIS_LAYER)

    def _gateway(self) -> list[str]:
        broker = ["-H", "127.0.0.1", "-p", str(self.mosquitto.port), "-i", "mqttasgi", "-c", "false"]
        return [str(install() / "bin/mqttasgi"), *broker, "bench.peers.plain.through_mqttasgi:application"]

    def _workers(self) -> list[list[str]]:
        return []


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
