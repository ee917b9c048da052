"""An installation with an app that somebody else wrote: tests/apps/plants."""

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import ROOT
from tests.support.servers.processes import migrate, run_command
from tests.test_architecture import imported_modules

PLANTS = ROOT / "tests" / "apps" / "plants"


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What an operator and a viewer got."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('plants')}/db.sqlite3", "DEBUG": "true"}
    settings["CAUSEWAY_APPS"] = "tests.apps.plants"
    migrate(settings)
    done = run_command([sys.executable, "-m", "tests.apps.visit"], settings)
    got: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return got


def test_who_may_sees_the_page_its_link_its_modules_and_uses_the_api(visits: dict[str, dict[str, Any]]) -> None:
    olga = visits["olga"]
    assert olga["navigation"] == ["/", "/ops", "/plants"]
    assert olga["status"] == 200
    assert '"plants": ["demo/fern"]' in olga["html"]
    assert '"readings": {"demo/fern": 2}' in olga["html"]
    assert '"module": "/static/plants/page.js"' in olga["html"]
    assert olga["static"] == 200
    assert olga["counts"] == "demo/fern,2\n"
    assert olga["watered"] == [200, "application/json; charset=utf-8"]
    assert olga["commands"] == [["water", "user:olga"]]


def test_who_may_not_sees_nothing_of_it(visits: dict[str, dict[str, Any]]) -> None:
    vera = visits["vera"]
    assert vera["navigation"] == ["/", "/ops"]
    assert vera["status"] == 403
    assert vera["watered"] == [403, "application/problem+json"]
    assert vera["commands"] == []
    assert vera["strangers"] == "/login?next=/apps/plants/counts.csv"
    assert vera["hidden"] == visits["olga"]["hidden"] == 404


def test_an_installation_may_have_users_of_its_own(tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "DEBUG": "true",
        "CAUSEWAY_APPS": "tests.apps.members",
        "DJANGO_SETTINGS_MODULE": "tests.apps.members.settings",
    }
    visits = json.loads(run_command([sys.executable, "-m", "tests.apps.members.visit"], settings).stdout)
    seen = {"signed_in": "/", "fleet": 200, "devices": ["demo/fern"], "roles": [True, True]}
    assert visits["admin"] == {**seen, "commanded": 202, "admin": 200, "form": 200}
    assert visits["vera@example.org"] == {**seen, "commanded": 403, "admin": 302, "form": 302}


@pytest.mark.parametrize("path", sorted(PLANTS.rglob("*.py")), ids=lambda path: path.name)
def test_the_app_uses_nothing_but_the_public_face(path: Path) -> None:
    imported = [name for node in ast.walk(ast.parse(path.read_text())) for name in imported_modules(node)]
    ours = {"bridge", "config", "devices", "mqtt_gateway", "runtime"}
    assert not [name for name in imported if name.partition(".")[0] in ours]
