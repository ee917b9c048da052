"""A program: an installation whose users are ``members``, from its first migration on. Prints what they got as JSON."""

import json
import sys
from typing import Any

from config.added_apps.loading import setup


def main() -> None:
    """On the empty database that the environment names."""
    setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("ensure_admin", stdout=sys.stderr)
    call_command("create_token", "vera@example.org", site="demo", stdout=sys.stderr)
    json.dump({name: _visit(name) for name in ("admin", "vera@example.org")}, sys.stdout)


def _visit(email: str) -> dict[str, Any]:
    from django.conf import settings
    from django.test import Client

    from devices.requests.registry import register_device
    from devices.web.auth import issue_token, token_digest
    from devices.web.live.queries.authentication import Session, Token, access_by, access_by_all
    from tests.apps.members.models import Member

    register_device("demo/fern")
    member = Member.objects.get(email=email)
    member.set_password("secret")
    member.save()
    client = Client(SERVER_NAME="localhost")
    signed_in = client.post("/login", {"username": email, "password": "secret"})
    token = Token(token_digest(issue_token(member)))
    session = Session(client.cookies[settings.SESSION_COOKIE_NAME].value)
    commands = "/api/v1/devices/demo/fern/commands"
    return {
        "signed_in": signed_in.headers.get("Location"),
        "fleet": client.get("/").status_code,
        "devices": [one["device"] for one in client.get("/api/v1/devices").json()["items"]],
        "commanded": client.post(commands, {"name": "water"}, content_type="application/json").status_code,
        "roles": [access_by(one) == access_by_all([one])[one] is not None for one in (session, token)],
        "admin": client.get("/admin/devices/membership/?q=vera").status_code,
        "form": client.get("/admin/devices/membership/add/").status_code,
    }


if __name__ == "__main__":
    main()
