"""Bad settings end a process in one line that names the variable."""

import sys
from pathlib import Path

import pytest

from tests.support.servers.processes import run_command

GOOD = {"SECRET_KEY": "only-for-tests" * 4, "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", ""),
        ("REDIS_URL", ""),
        ("REDIS_URL", "redis://host:port/0"),
        ("DATABASE_URL", "postgres://user:password@host:port/name"),
        ("DATABASE_URL", "sqlite:////dev/null/causeway.sqlite3"),
        ("CSRF_TRUSTED_ORIGINS", "causeway.example.org"),
        ("BRIDGE_SHARDS", "none"),
        ("BRIDGE_PACE", "fast"),
        ("ALLOWED_HOSTS", "https://causeway.example.org"),
        ("HOMEASSISTANT_EXPORT", "homeassistant/#"),
        ("BRIDGE_TOPIC_ROOT", "hunter2/#"),
        ("GATEWAY_TOPIC_FILTERS", "devices/a/#,hunter2#"),
        ("CAUSEWAY_APPS", "hunter2.nowhere"),
        ("BEHIND_TLS_PROXY", "true"),  # without TRUSTED_PROXIES
    ],
)
def test_the_web_process_names_the_bad_variable(variable: str, value: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3", **GOOD, variable: value}
    done = run_command([sys.executable, "-c", "import config.asgi"], settings, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"causeway: {variable}: ")
    assert done.stderr.count("\n") == 1
    assert not any(piece in done.stderr for piece in ("hunter2", "password@"))


def test_the_settings_of_home_assistant(tmp_path: Path) -> None:
    theirs = {"DIALECTS": "native,homeassistant@home", "HOMEASSISTANT_BIRTH": "true", "HOMEASSISTANT_EXPORT": "ha"}
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3", **GOOD, **theirs}
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; from django.conf import settings as s;"
        "d = s.DEVICES.dialects.by_name['homeassistant']; print(d.downlinks(), s.DEVICES.homeassistant_export)"
    )
    done = run_command([sys.executable, "-c", program], settings)
    assert done.stdout.strip() == "('homeassistant/status',) ha"


@pytest.mark.parametrize("arguments", [["run_gateway", "--help"], ["help", "reshard"]])
def test_help_needs_no_settings(arguments: list[str]) -> None:
    assert run_command([sys.executable, "manage.py", *arguments], {}).stdout.startswith("usage: manage.py ")


def test_the_web_process_refuses_another_number_of_shards(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3", **GOOD}
    run_command([sys.executable, "manage.py", "migrate", "--verbosity", "0"], settings)
    done = run_command([sys.executable, "-c", "import config.asgi"], {**settings, "BRIDGE_SHARDS": "5"}, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("causeway: BRIDGE_SHARDS: 5 here")
    run_command([sys.executable, "-c", "import config.asgi"], settings)
