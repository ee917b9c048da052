"""A program: an installation with ``CAUSEWAY_APPS=tests.apps.plants``, and what two people get of it, as JSON."""

import json
import os
import re
import sys
from typing import Any

import django


def main() -> None:
    """On the migrated database that the environment names."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    _install()
    json.dump({name: _visit(name, role) for name, role in (("olga", "operator"), ("vera", "viewer"))}, sys.stdout)


def _install() -> None:
    """The app's tables are made, and a worker hears of a plant."""
    from django.core.management import call_command

    from devices.extensions import features
    from tests.support.worlds.deliveries import delivery
    from tests.support.worlds.ingest_worker import Worker

    call_command("migrate", "plants", verbosity=0)
    worker = Worker(more=list(features.all().values()))
    for moisture in (40, 39):
        worker.hear(delivery("demo/fern", "telemetry", {"moisture": moisture}))


def _visit(name: str, role: str) -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.test import Client

    from devices.models import Command, Membership
    from devices.requests.registry import register_device

    site = register_device("demo/fern").site
    register_device("elsewhere/rose")
    user = User.objects.create_user(name)
    Membership.objects.create(user=user, site=site, role=role)
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    answer = client.get("/plants")
    watered = client.post("/api/v1/plants/demo/fern/water")
    return {
        "navigation": re.findall(r'<a href="([^"]+)"(?: aria-current="page")?>', _nav(client.get("/"))),
        "status": answer.status_code,
        "html": answer.content.decode(),
        "static": client.get("/static/plants/plant.js").status_code,
        "watered": [watered.status_code, watered.headers["Content-Type"]],
        "counts": client.get("/apps/plants/counts.csv").content.decode(),
        "strangers": Client(SERVER_NAME="localhost").get("/apps/plants/counts.csv").headers.get("Location"),
        "hidden": client.post("/api/v1/plants/elsewhere/rose/water").status_code,
        "commands": [[one.name, one.created_by] for one in Command.objects.filter(user=user)],
    }


def _nav(answer: Any) -> str:
    found = re.search(r"<nav.*?</nav>", answer.content.decode(), re.DOTALL)
    assert found
    return found[0]


if __name__ == "__main__":
    main()
