"""Programs that the tests need on this machine: the one list of them; found, or installed on Debian as root.

Standard library only: ``tests.prerequisites`` runs it before anything else is installed.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_INSTALL_TIMEOUT_S = 900


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a test runs, and where it comes from."""

    package: str
    """Of Debian."""
    others: Sequence[str] = ()
    """Names under which it may be here instead of its own."""
    places: Sequence[str] = ()
    """Globs of directories to look in before PATH."""


_POSTGRES = Program(package="postgresql", places=("/usr/lib/postgresql/*/bin",))

# Some tests run these themselves, wherever the other tests' servers run.
PROGRAMS = {
    "caddy": Program(package="caddy"),
    "chromium": Program(package="chromium", others=("chromium-browser", "google-chrome")),
    "curl": Program(package="curl"),
    "g++": Program(package="g++"),
    "faketime": Program(package="faketime"),
    "firefox-esr": Program(package="firefox-esr", others=("firefox",)),
    "haproxy": Program(package="haproxy"),
    "initdb": _POSTGRES,
    "mosquitto": Program(package="mosquitto"),
    "mosquitto_passwd": Program(package="mosquitto"),
    "mosquitto_pub": Program(package="mosquitto-clients"),
    "mosquitto_sub": Program(package="mosquitto-clients"),
    "nginx": Program(package="nginx-light", places=("/usr/sbin",)),
    "openssl": Program(package="openssl"),
    "pg_basebackup": _POSTGRES,
    "pgbouncer": Program(package="pgbouncer"),
    "postgres": _POSTGRES,
    "redis-server": Program(package="redis-server"),
}
# The compose tests need a Docker daemon, its program and Compose, which may also be a plugin of it.
DOCKER = {"docker": Program(package="docker.io")}
COMPOSE = {"docker-compose": Program(package="docker-compose")}
# Where we may start a daemon and make its images ourselves (.ci/standins).
DAEMON = {"dockerd": Program(package="docker.io")}
IMAGES = {"debootstrap": Program(package="debootstrap"), "update-ca-certificates": Program(package="ca-certificates")}


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


def _find(name: str, listed: Program) -> str | None:
    return find_program([name, *listed.others], listed.places)


def missing_packages(programs: Mapping[str, Program]) -> list[str]:
    """The Debian packages of those programs that are not here."""
    return sorted({listed.package for name, listed in programs.items() if not _find(name, listed)})


def program(name: str) -> str:
    """The path of one of `PROGRAMS`, its Debian package installed if need and right be.

    Raises:
        MissingProgramError: it is missing and can't be installed.
    """
    listed = PROGRAMS[name]
    if not (found := _find(name, listed)) and is_debian_root():
        apt_install(listed.package)
        found = _find(name, listed)
    if not found:
        raise MissingProgramError(f"the tests need {name!r} (Debian package {listed.package!r})")
    return found


@functools.cache
def _apt_update() -> None:
    _apt("update", "-q")


def apt_install(*packages: str) -> None:
    """Install Debian packages, starting none of the services they bring.

    Raises:
        MissingProgramError: apt-get failed; the message has the end of what it said.
    """
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


def faketime_library() -> str:
    """The library to preload for one process whose clock is to be another.

    Raises:
        MissingProgramError: as :func:`program`.
    """
    program("faketime")
    found = sorted(Path("/").glob("usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise MissingProgramError("the tests need libfaketimeMT.so.1 (Debian package 'libfaketime')")
    return str(found[0])
