"""What `make test` needs is installed by root on Debian; everybody else is told in one line. On made-up programs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import prerequisites
from tests.support.servers import installing
from tests.support.servers.installing import Program

# Installs as the real one does: each package brings the program of its name.
APT_GET = """\
echo "$*" >>{directory}/asked
[ "$1" = install ] || exit 0
for package; do :; done
PATH=/usr/bin:/bin
printf '#!/bin/sh\\n' >{directory}/${{package%-package}} && chmod +x {directory}/${{package%-package}}
"""

Put = Callable[[str, str], None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts a program on the PATH, which has nothing else: its name, and what it does. One is needed: ``broker``."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MOSQUITTO_IMAGE", raising=False)
    monkeypatch.setattr(prerequisites, "PROGRAMS", {"broker": Program(package="broker-package")})
    for name in ("DAEMON", "IMAGES"):
        monkeypatch.setattr(prerequisites, name, {})
    installing._apt_update.cache_clear()

    def put(name: str, does: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)

    put("docker", "exit 0")
    return put


@pytest.fixture
def apt_get(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """We are root on Debian; returns what apt-get has been asked for."""
    put("apt-get", APT_GET.format(directory=tmp_path))
    monkeypatch.setattr(prerequisites, "is_debian_root", lambda: True)
    return lambda: (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """We are not root on Debian."""
    monkeypatch.setattr(prerequisites, "is_debian_root", lambda: False)


def complaint(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error of a run that must fail."""
    assert prerequisites.main() == 1
    (line,) = capfd.readouterr().err.splitlines()
    return line


def test_nothing_is_said_when_all_is_here(
    put: Put, apt_get: Callable[[], list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    put("broker", "")
    assert prerequisites.main() == 0
    assert (capfd.readouterr(), apt_get()) == (("", ""), [])


def test_root_on_debian_gets_what_is_missing(
    apt_get: Callable[[], list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert prerequisites.main() == 0
    assert capfd.readouterr() == ("installing broker-package\n", "")
    assert apt_get() == ["update -q", "install -q -y --no-install-recommends broker-package"]


@pytest.mark.usefixtures("apt_get")
def test_a_failed_installation_is_told_in_one_line(put: Put, capfd: pytest.CaptureFixture[str]) -> None:
    put("apt-get", "echo E: no network >&2; echo E: bye >&2; exit 100")
    assert complaint(capfd) == "apt-get update -q failed: E: no network E: bye"


@pytest.mark.usefixtures("apt_get")
def test_what_no_package_has_brought_is_told(put: Put, capfd: pytest.CaptureFixture[str]) -> None:
    put("apt-get", "exit 0")
    assert complaint(capfd).endswith(" broker-package")


def test_root_on_debian_gets_docker_for_a_daemon_of_our_own(
    put: Put, apt_get: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("broker", "")
    monkeypatch.setattr(prerequisites, "DAEMON", {"daemon": Program(package="daemon-package")})
    assert (prerequisites.main(), apt_get()) == (0, []), "a daemon answers already"
    put("docker", '[ "$1" = compose ]')
    assert prerequisites.main() == 0
    assert apt_get()[-1].endswith(" daemon-package")


@pytest.mark.usefixtures("stranger")
def test_others_are_told_in_one_line(put: Put, capfd: pytest.CaptureFixture[str]) -> None:
    put("apt-get", "echo called")
    put("docker", "exit 1")
    said = complaint(capfd)
    assert "install (by the names of Debian's packages) broker-package docker-compose, " in said
    assert said.endswith("start a Docker daemon that you may use")


@pytest.mark.usefixtures("stranger")
def test_others_need_no_more_than_a_daemon_and_what_is_listed(put: Put) -> None:
    put("broker", "")
    assert prerequisites.main() == 0


@pytest.mark.usefixtures("stranger")
def test_a_daemon_that_gets_no_image_is_told_unless_images_are_named(
    put: Put, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("broker", "")
    put("docker", 'case "$1" in image) exit 1 ;; pull) echo "a proxy"; echo no route >&2; exit 1 ;; esac')
    assert complaint(capfd).endswith("(no route)")
    monkeypatch.setenv("MOSQUITTO_IMAGE", "mine")
    assert prerequisites.main() == 0


@pytest.mark.usefixtures("apt_get")
def test_who_names_images_needs_a_daemon_that_has_them(
    put: Put, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("broker", "")
    put("docker", '[ "$1" = compose ]')
    assert prerequisites.main() == 0
    monkeypatch.setenv("MOSQUITTO_IMAGE", "mine")
    assert "start a Docker daemon" in complaint(capfd)


def test_a_test_that_misses_a_program_says_which_package_has_it(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "PROGRAMS", {"broker": Program(package="broker-package", others=("old-broker",))})
    monkeypatch.setattr(installing, "is_debian_root", lambda: False)
    with pytest.raises(installing.MissingProgramError, match=r"'broker' \(Debian package 'broker-package'\)"):
        installing.program("broker")
    put("old-broker", "")
    assert installing.program("broker").endswith("/old-broker")
