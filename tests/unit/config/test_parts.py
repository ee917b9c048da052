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
PROGRAM = """
import importlib, json, sys
sys.argv = sys.argv[1:]
importlib.import_module("config")
import django
django.setup()
for name in ({modules}): importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
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


def imported(*arguments: str, modules: str) -> set[str]:
    """What a process of this command line has imported once it has its apps, and these modules."""
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(modules=f"{modules!r},"), *arguments],
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


def test_the_web_imports_neither_worker_nor_mqtt_nor_tests() -> None:
    found = imported("daphne", modules="config.urls")
    assert {"ninja", "devices.web.api.app", "devices.admin", "django.test.signals"} <= found
    assert not found & (OF_MQTT | NOBODYS | {"devices.worker.process"})
