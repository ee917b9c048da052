"""docs/without-docker.md: its files and commands make an installation that works."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pytest_django import DjangoDbBlocker

from tests.docs.blocks import ROOT, blocks
from tests.support.clients.users import carry_out
from tests.support.environment import environment
from tests.support.servers.databases import postgres_copy
from tests.support.servers.installing import program
from tests.support.servers.ports import free_port
from tests.support.servers.postgres import PostgresService
from tests.support.servers.processes import Process, end_all
from tests.support.servers.service import Service
from tests.support.waiting import eventually

BLOCKS = [block for block in blocks(ROOT / "docs" / "without-docker.md") if block.remark == "run by"]
SETTINGS, BROKER, PASSWORDS, GATEWAY, DEVICES, WEB, MANAGE, FIRST_START = (block.code for block in BLOCKS)
APP = "/opt/causeway/app"
# What systemd does, as far as these commands need it.
SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != .venv/bin/python ]; do shift; done
cd "$APP" && exec "$@"
"""


class Machine:
    """A machine of which /etc/causeway, /etc/mosquitto and the ports are the test's."""

    def __init__(self, directory: Path, redis: Service, database: str) -> None:
        self.directory, self.database = directory, database
        self.ports = {"1883": free_port(), "1884": free_port(), "8000": free_port()}
        told = dict(line.split("=", 1) for line in SETTINGS.splitlines())
        told |= {"DATABASE_URL": database, "REDIS_URL": redis.url, "ALLOWED_HOSTS": "localhost"}
        self.settings = {name: self.here(value) if name == "MQTT_URL" else value for name, value in told.items()}
        for name, script in {"systemd-run": SYSTEMD_RUN, "systemctl": "#!/bin/sh\n", "causeway-manage": MANAGE}.items():
            command = directory / "bin" / name
            command.parent.mkdir(exist_ok=True)
            command.write_text(script)
            command.chmod(0o755)

    def here(self, text: str) -> str:
        """What stands in a file or command, with this machine's paths and ports."""
        for port, mine in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(mine), text)
        return text.replace(APP, str(ROOT)).replace("/etc/mosquitto/", f"{self.directory}/")

    def shell(self, code: str) -> str:
        """Carry out commands with the installation's settings; what they print."""
        places = f"{self.directory / 'bin'}:{Path(program('mosquitto_passwd')).parent}:{os.environ['PATH']}"
        variables = {**environment(self.settings), "APP": str(ROOT), "PATH": places}
        done = subprocess.run(
            ["sh", "-ec", self.here(code)], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    def service(self, unit: str) -> Process:
        """What a unit starts."""
        command = re.findall(r"^ExecStart=(.*)$", self.here(unit), re.MULTILINE)[0]
        name = re.findall(r"^Description=Causeway, (\w+)", unit, re.MULTILINE)[0]
        return Process(name, shlex.split(command), self.settings, self.directory / f"{name}.log")

    def broker(self) -> Process:
        """Mosquitto with the page's configuration, which Debian's mosquitto.conf includes."""
        data = f"persistence true\npersistence_location {self.directory}/\n" + (
            "user root\n" if not os.geteuid() else ""
        )
        (self.directory / "mosquitto.conf").write_text(data + self.here(BROKER))
        command = [program("mosquitto"), "-c", str(self.directory / "mosquitto.conf")]
        return Process("mosquitto", command, {}, self.directory / "mosquitto.log")


@pytest.fixture
def machine(tmp_path: Path, redis: Service, postgres: PostgresService, templates: dict[str, str]) -> Iterator[Machine]:
    with postgres_copy(postgres, templates) as database:
        yield Machine(tmp_path, redis, database)


def test_the_page_makes_an_installation(machine: Machine, django_db_blocker: DjangoDbBlocker) -> None:
    machine.shell(PASSWORDS)
    broker = machine.broker()
    processes = [broker, *map(machine.service, (GATEWAY, DEVICES, WEB))]
    try:
        broker.start()
        # Not into the checkout: with its files there, other tests would be served old ones. The image's build does it.
        printed = machine.shell(FIRST_START.replace("causeway-manage collectstatic --noinput\n", ""))
        assert "the first user is admin, password" in printed
        for process in processes[1:]:
            process.start()
        url = f"http://localhost:{machine.ports['8000']}"
        eventually(lambda: httpx.get(f"{url}/readyz", trust_env=False).raise_for_status(), 60)

        # A device, as the page says: its line goes into the broker's file, and the broker is told.
        told = machine.shell("causeway-manage provision_device demo/shed-1")
        password = re.findall(r"^password +(\S+)$", told, re.MULTILINE)[0]
        with (machine.directory / "causeway.passwords").open("a") as file:
            file.write(re.findall(r"^demo/shed-1:\S+$", told, re.MULTILINE)[0] + "\n")
        broker.send_signal(signal.SIGHUP)
        token = carry_out(django_db_blocker, machine.database, "create_token", "me").split()[-1]
        publish = [program("mosquitto_pub"), "-p", str(machine.ports["1884"]), "-q", "1", "-m", "21.5"]
        who = ["-u", "demo/shed-1", "-P", password, "-t", "devices/demo/shed-1/telemetry/t"]

        def arrived() -> bool:
            subprocess.run([*publish, *who], check=True, capture_output=True)
            found = httpx.get(
                f"{url}/api/v1/devices/demo/shed-1", headers={"Authorization": f"Bearer {token}"}, trust_env=False
            )
            return bool(found.json()["metrics"]["t"]["value"] == 21.5)

        eventually(arrived, what="the device's value is in the API")
    finally:
        end_all(processes)
