"""``python -m tests.prerequisites``: whatever any test or check needs is here, or the reader knows what to install.

As root on Debian it installs what is missing (the list: ``tests.support.servers.installing``). Elsewhere it says so in
one line and fails. ``make test`` begins with it. Standard library only.
"""

import sys

from tests.support.servers.docker_cli import (
    OFFICIAL_IMAGE,
    compose_command,
    daemon_answers,
    images_are_named,
    why_no_official_image,
)
from tests.support.servers.installing import (
    COMPOSE,
    DAEMON,
    DOCKER,
    IMAGES,
    PROGRAMS,
    MissingProgramError,
    apt_install,
    is_debian_root,
    missing_packages,
)


def wanted_packages() -> list[str]:
    """The Debian packages that are missing here."""
    programs = PROGRAMS | DOCKER
    if compose_command() is None:
        programs |= COMPOSE
    if is_debian_root():
        programs |= IMAGES if daemon_answers() else IMAGES | DAEMON
    return missing_packages(programs)


def docker_trouble() -> str | None:
    """What keeps the compose tests from running although every program is here; None for nothing."""
    if is_debian_root() and not images_are_named():
        return None  # a daemon is started for the tests if need be, and images are made
    if not daemon_answers():
        return "start a Docker daemon that you may use"
    if not images_are_named() and (why := why_no_official_image()):
        return f"let Docker get {OFFICIAL_IMAGE} or set MOSQUITTO_IMAGE and the like as in .env.example ({why})"
    return None


def install() -> None:
    """Install what is missing, as far as we may."""
    missing = wanted_packages()
    if missing and is_debian_root():
        print(f"installing {' '.join(missing)}", flush=True)
        apt_install(*missing)


def complaint() -> str | None:
    """The one line that says what to do first; None when all is here."""
    missing = wanted_packages()
    install_them = f"install (by the names of Debian's packages) {' '.join(missing)}" if missing else None
    wishes = [wish for wish in (install_them, docker_trouble()) if wish]
    return f"the tests need more than is here: {', and '.join(wishes)}" if wishes else None


def main() -> int:
    """Returns the exit status."""
    try:
        install()
        said = complaint()
    except MissingProgramError as error:
        said = " ".join(str(error).split())
    if said:
        print(said, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
