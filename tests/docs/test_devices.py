"""The programs of docs/devices.md are devices: with birth and will, telemetry, state, commands and desired state."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import DjangoDbBlocker

from tests.docs.blocks import ROOT, blocks
from tests.docs.reader import Demo
from tests.support.clients.users import carry_out
from tests.support.servers.installing import program
from tests.support.servers.processes import Process
from tests.support.waiting import eventually

PAGE = ROOT / "docs" / "devices.md"
SHIMS = Path(__file__).parent / "shims"
PYTHON, MICROPYTHON = (block.code for block in blocks(PAGE) if block.language == "python")
SKETCH = next(block.code for block in blocks(PAGE) if block.language == "cpp")
PROGRAMS = {"demo/shed-1": (PYTHON, ""), "demo/shed-2": (MICROPYTHON, str(SHIMS))}


@pytest.fixture
def api(demo: Demo, django_db_blocker: DjangoDbBlocker) -> Iterator[httpx.Client]:
    """REST as an operator."""
    token = carry_out(django_db_blocker, demo.database, "create_token", "gardener", "--role", "operator").split()[-1]
    with httpx.Client(
        base_url=f"{demo.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        yield client


def running(code: str, path: str, demo: Demo, log: Path) -> Process:
    settings = {"MQTT_PORT": str(demo.mqtt_port), "PYTHONPATH": path}
    return Process("device", [sys.executable, "-c", code], settings, log).start()


@pytest.mark.parametrize("device", PROGRAMS)
def test_each_program_is_a_device(device: str, api: httpx.Client, demo: Demo, tmp_path: Path) -> None:
    process = running(*PROGRAMS[device], demo, tmp_path / "device.log")
    try:
        eventually(lambda: twin(api, device)["presence"]["why"] == "birth", what="it has said that it is there")
        eventually(lambda: twin(api, device)["metrics"]["temperature"]["value"] == 21.5)
        eventually(lambda: "set_led" in twin(api, device)["reported"]["commands"])
        asked = api.post(f"/devices/{device}/commands", json={"name": "set_led", "args": {"on": True}})
        eventually(lambda: api.get(f"/commands/{asked.json()['id']}").json()["status"] == "done")
        eventually(lambda: twin(api, device)["reported"]["led"] is True)
        refused = api.post(f"/devices/{device}/commands", json={"name": "fly"})
        eventually(lambda: api.get(f"/commands/{refused.json()['id']}").json()["status"] == "rejected")
        api.patch(f"/devices/{device}/desired", json={"led": False}).raise_for_status()
        eventually(lambda: twin(api, device)["reported"]["led"] is False, what="it takes over what is desired")
    finally:
        process.kill()
    eventually(lambda: twin(api, device)["presence"] | {"since": 0} == {"status": "offline", "since": 0, "why": "will"})
    assert "Traceback" not in process.log()


def twin(api: httpx.Client, device: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/devices/{device}").raise_for_status().json()
    return found


def test_the_sketch_compiles(tmp_path: Path) -> None:
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(SKETCH)
    options = ["-std=gnu++17", "-Wall", "-Werror", "-fsyntax-only", f"-I{SHIMS / 'arduino'}"]
    done = subprocess.run([program("g++"), *options, str(sketch)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    wrong = sketch.with_stem("wrong")
    wrong.write_text(SKETCH.replace("client.setWill(", "client.setLastWill("))
    assert subprocess.run([program("g++"), *options, str(wrong)], capture_output=True, check=False).returncode
