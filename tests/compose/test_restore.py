"""docs/backup.md with Compose: its commands save everything, and bring it back."""

import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.compose.stack import Stack
from tests.support.environment import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(1_200)  # the first test waits for the images

PAGE = (ROOT / "docs" / "backup.md").read_text()
SAVE, RESTORE = re.findall(r"^```console\n(.*?)^```$", PAGE.partition("## With Compose")[2], re.MULTILINE | re.DOTALL)[
    :2
]
DEVICE = "demo/kept-1"


def carry_out(stack: Stack, block: str, directory: Path) -> None:
    """A block's commands in a directory; those on files that a fresh checkout doesn't have are left out."""
    commands = [line for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE) if not line.startswith("cp .env")]
    compose = shlex.join(stack.command("--project-directory", str(ROOT), "--file", str(ROOT / "docker-compose.yml")))
    docker = f'docker() {{ shift; {compose} "$@"; }}'
    done = subprocess.run(
        ["bash", "-ec", "\n".join([docker, *commands])],
        cwd=directory,
        env=stack.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stdout[-4000:] + done.stderr[-4000:]


def test_what_is_saved_comes_back(stack: Stack, tmp_path: Path) -> None:
    stack.mosquitto_pub("-t", f"devices/{DEVICE}/telemetry", "-m", '{"t": 21.5}')
    token = stack.token()
    api = stack.api(token)
    eventually(lambda: api("GET", f"/devices/{DEVICE}").is_success)
    key = stack.secret("secret_key")

    carry_out(stack, SAVE, tmp_path)
    assert api("DELETE", f"/devices/{DEVICE}").is_success
    carry_out(stack, RESTORE, tmp_path)

    stack.wait_ready()
    assert stack.secret("secret_key") == key
    found = httpx.get(
        f"{stack.url}/api/v1/devices/{DEVICE}", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    assert found.json()["metrics"]["t"]["value"] == 21.5
    stack.mosquitto_pub("-t", f"devices/{DEVICE}/telemetry", "-m", '{"t": 22.5}')
    eventually(lambda: api("GET", f"/devices/{DEVICE}").json()["metrics"]["t"]["value"] == 22.5, what="it goes on")
