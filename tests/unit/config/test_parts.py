"""What a process imports: no more than it needs, for that is most of the time that its start takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.parts import has_web

ROOT = Path(__file__).parents[3]
OF_THE_WEB = {"axes", "django.contrib.admin", "django.contrib.sessions", "ninja", "prometheus_client", "pydantic"}
OF_THE_WEB |= {"daphne", "devices.web", "devices.admin"}
OF_MQTT = {"aiomqtt", "paho"}
NOBODYS = {"rich", "django.test"}
LATER = {"ninja", "pydantic", "devices.web.api.app", "devices.admin", "prometheus_client"}
PROGRAM = """
import importlib, json, sys
sys.argv = sys.argv[1:]
importlib.import_module("config")
if sys.argv[0] == "daphne": importlib.import_module("daphne.cli")
import django
django.setup()
for name in ({modules}): importlib.import_module(name)
{more}
print(json.dumps(sorted(sys.modules)))
"""
ANSWERS = """
from django.urls import resolve
from config.routing import by_protocol
from runtime.http.requests.handler import RequestHandler
by_protocol(RequestHandler())
for path in ("/healthz", "/readyz", "/ws/v1/", "/login"): resolve(path)
"""


@pytest.mark.parametrize(
    ("arguments", "has"),
    [
        (["manage.py", "run_gateway"], False),
        (["/opt/causeway/manage.py", "run_devices", "--shards", "0"], False),
        (["manage.py", "migrate"], True),
        (["manage.py", "demo"], True),
        (["manage.py"], True),
        (["/usr/bin/daphne", "config.asgi:application"], True),
        (["pytest", "run_gateway"], True),
    ],
)
def test_gateways_and_workers_are_without_the_web(arguments: list[str], has: bool) -> None:
    assert has_web(arguments) is has


def imported(*arguments: str, modules: str, more: str = "") -> set[str]:
    """What a process of this command line has imported once it has its apps, these modules, and done more."""
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(modules=f"{modules!r},", more=more), *arguments],
        cwd=ROOT,
        env={**os.environ, **settings, "DATABASE_URL": "postgres://nobody:x@127.0.0.1:1/x"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_a_gateway_imports_neither_web_nor_worker() -> None:
    found = imported("manage.py", "run_gateway", modules="mqtt_gateway.management.commands.run_gateway")
    assert "mqtt_gateway.gateway" in found
    assert not found & (OF_THE_WEB | NOBODYS | {"twisted", "devices.worker.process"})


def test_a_worker_imports_neither_web_nor_mqtt() -> None:
    found = imported("manage.py", "run_devices", modules="devices.worker.process.supervisor")
    assert "devices.worker.process.engine" in found
    assert not found & (OF_THE_WEB | OF_MQTT | NOBODYS | {"twisted"})


def test_the_web_imports_nothing_but_for_probes_and_sockets_until_it_serves() -> None:
    found = imported("daphne", modules="config.urls", more=ANSWERS)
    assert {"devices.web.operations.health", "devices.web.live.socket.application"} <= found
    assert found & (LATER | OF_MQTT | NOBODYS | {"devices.worker.process"}) == set()


def test_the_rest_of_the_web_comes_with_the_first_look_for_a_url() -> None:
    found = imported("daphne", modules="config.urls", more="from devices.web import startup; startup._import_urls()")
    assert found > LATER
    assert not found & (OF_MQTT | NOBODYS | {"devices.worker.process"})


def test_a_command_has_what_is_registered_in_the_admin_at_once() -> None:
    assert "devices.admin" in imported("manage.py", "check", modules="config.apps")
