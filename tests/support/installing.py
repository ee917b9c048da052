"""Programs that tests need on this machine: found, or installed on Debian as root, or asked for in one clear line."""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_INSTALL_TIMEOUT_S = 600


class MissingProgramError(Exception):
    """A program is not here and could not be installed; the message says what to install."""


def is_debian_root() -> bool:
    """May we install packages here without asking anybody?"""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def find_program(names: Sequence[str], places: Sequence[str] = ()) -> str | None:
    """The first of `names` that is here, looked for in `places`, then on PATH.

    `places` are globs of directories from the root; of several matches the last wins (the newest version).
    """
    for name in names:
        found = sorted(str(path) for place in places for path in Path("/").glob(f"{place.lstrip('/')}/{name}"))
        if found:
            return found[-1]
        if path := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
            return path
    return None


def program(names: Sequence[str], package: str, places: Sequence[str] = ()) -> str:
    """The path of a program, its Debian package installed if need and right be.

    Raises:
        MissingProgramError: it is missing and can't be installed.
    """
    found = find_program(names, places)
    if not found and is_debian_root():
        apt_install(package)
        found = find_program(names, places)
    if not found:
        raise MissingProgramError(
            f"the tests need {names[0]!r} (Debian package {package!r}) or a Docker daemon, and found neither"
        )
    return found


@functools.cache
def _apt_update() -> None:
    _apt("update", "-q")


def apt_install(*packages: str) -> None:
    """Install Debian packages, starting none of the services they bring."""
    _apt_update()
    _apt("install", "-q", "-y", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> None:
    # RUNLEVEL=1: maintainer scripts start no daemon on the default ports.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(
        ["apt-get", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise MissingProgramError(f"apt-get {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
