"""The credentials that `provision_device` prints, at a real Mosquitto with the file that it writes."""

import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.servers.installing import program
from tests.support.servers.mosquitto import client_program
from tests.support.servers.ports import free_port, is_listening
from tests.support.servers.processes import manage, run_command
from tests.support.waiting import eventually

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {passwords}
acl_file {acl}
user {user}
"""
ACL = "pattern readwrite devices/%u/#\n"


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    path = tmp_path / "broker" / "passwords"
    path.parent.mkdir()
    path.touch()
    return path


@pytest.fixture
def provision(tmp_path: Path, passwords: Path) -> Callable[[str], str]:
    """Runs the command on a database of its own; returns the password."""
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3",
        "DEBUG": "true",
        "MOSQUITTO_PASSWORDS": str(passwords),
    }
    run_command(manage("migrate", "-v0"), settings)
    return lambda key: run_command(manage("provision_device", key), settings).stdout.split()[-1]


@pytest.fixture
def broker(tmp_path: Path, passwords: Path) -> Iterator[tuple[int, Callable[[], None]]]:
    """Its port, and what makes it read its files again."""
    port = free_port()
    (tmp_path / "acl").write_text(ACL)
    configuration = tmp_path / "mosquitto.conf"
    user = pwd.getpwuid(os.geteuid()).pw_name  # started by root it would become "mosquitto", who can't read here
    configuration.write_text(CONFIGURATION.format(port=port, passwords=passwords, acl=tmp_path / "acl", user=user))
    with subprocess.Popen([program("mosquitto"), "-c", str(configuration)], stderr=subprocess.DEVNULL) as process:
        eventually(lambda: is_listening(port), what="Mosquitto listens")
        yield port, lambda: process.send_signal(signal.SIGHUP)
        process.terminate()


def publishes(port: int, username: str, password: str) -> bool:
    """Whether the broker lets a client in with these."""
    arguments = [
        "-p",
        str(port),
        "-u",
        username,
        "-P",
        password,
        "-q",
        "1",
        "-t",
        f"devices/{username}/state",
        "-m",
        "{}",
    ]
    done = subprocess.run([client_program("mosquitto_pub"), *arguments], capture_output=True, timeout=20, check=False)
    return done.returncode == 0


def test_the_printed_password_lets_in_until_there_is_a_new_one(
    provision: Callable[[str], str], broker: tuple[int, Callable[[], None]]
) -> None:
    port, reread = broker
    first, other = provision("demo/lamp"), provision("demo/aa:bb")
    reread()
    eventually(lambda: publishes(port, "demo/lamp", first))
    assert publishes(port, "demo/aa%3Abb", other)
    assert not publishes(port, "demo/lamp", other)
    assert not publishes(port, "demo/lamp", "")
    second = provision("demo/lamp")
    reread()
    eventually(lambda: publishes(port, "demo/lamp", second))
    assert not publishes(port, "demo/lamp", first)
