from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bridge.names import is_name
from devices.management.reasons import one_line
from devices.models import Membership, Role, Site
from devices.web.auth import issue_token
from runtime.database_clock import asked_now


class Command(BaseCommand):
    help = (
        "Make an API token for a user, who is made if need be, with a role at a site (--site) or at all sites. "
        "The token is the last word printed and can't be shown again. Without --role, a role that the user already "
        "has stays; a new one is viewer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--role", choices=Role.values, help="viewer reads, operator also commands, admin everything"
        )
        parser.add_argument("--site", help="only there; made if there is none of that name (default: all sites)")
        parser.add_argument("--days", type=int, help="the token ends after so many days (default: never)")

    def handle(self, *_args: Any, **options: Any) -> None:
        with one_line(), transaction.atomic():
            user = _user(options["username"])
            held = _role(user, options["role"], options["site"])
            token = issue_token(user, _end(options["days"]))
        self.stdout.write(f"{user.get_username()} is {held}. The token, shown only now:")
        self.stdout.write(token)


def _user(username: str) -> Any:
    if not 0 < len(username) <= 150 or not username.isprintable():
        raise CommandError("USERNAME: 1 to 150 printable characters")
    users: Any = get_user_model()
    user = users.objects.filter(**{users.USERNAME_FIELD: username}).first()
    if user is not None:
        return user
    return users.objects.create_user(**{users.USERNAME_FIELD: username})  # without a password: only tokens let in


def _role(user: Any, role: str | None, site_name: str | None) -> str:
    """Give the role if it isn't there yet; what the user is now, in words."""
    if site_name is not None and not is_name(site_name):
        raise CommandError("--site: 1 to 64 of A-Z a-z 0-9 _ - . :")
    if user.is_superuser:
        return "a superuser, admin at all sites"
    site = None if site_name is None else Site.objects.get_or_create(name=site_name)[0]
    membership, made = Membership.objects.get_or_create(user=user, site=site, defaults={"role": role or Role.VIEWER})
    if role is not None and not made and membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
    return f"{membership.role} at {f'site {site}' if site else 'all sites'}"


def _end(days: int | None) -> Any:
    if days is None:
        return None
    if not 1 <= days <= 36_600:
        raise CommandError("--days: 1 to 36600")
    return asked_now() + timedelta(days=days)
