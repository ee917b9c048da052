"""Docker by its own programs, as the compose tests use it: is there a daemon, Compose, an image?

Standard library only: ``tests.prerequisites`` asks before anything else is installed.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence

OFFICIAL_IMAGE = "eclipse-mosquitto:2.0"
"""One of the compose file's images: where it can be had, so can the others."""

_ANSWER_TIMEOUT_S = 30
_PULL_TIMEOUT_S = 120


def images_are_named() -> bool:
    """Has the caller named images of their own, as in .env.example?"""
    return "MOSQUITTO_IMAGE" in os.environ


def daemon_answers() -> bool:
    """Is there a Docker daemon that we may use?"""
    return _run("docker", "info") is None


def compose_command() -> list[str] | None:
    """Compose as Docker's plugin, else the program of its own; None if neither is here."""
    if _run("docker", "compose", "version") is None:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def why_no_official_image() -> str | None:
    """None when the daemon has the compose file's images or can fetch them; otherwise the reason, in one line."""
    if _run("docker", "image", "inspect", OFFICIAL_IMAGE) is None:
        return None
    return _run("docker", "pull", "--quiet", OFFICIAL_IMAGE, timeout_s=_PULL_TIMEOUT_S)


def _run(*command: str, timeout_s: float = _ANSWER_TIMEOUT_S) -> str | None:
    """None when the command succeeds, else the last line of what it said."""
    try:
        done = _finished(command, timeout_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def _finished(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
    )
