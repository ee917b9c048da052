import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from devices.management.reasons import one_line

USERNAME = "admin"


class Command(BaseCommand):
    help = (
        "Make the superuser 'admin' if there is no user yet. Its password is ADMIN_PASSWORD (or what stands in "
        "the file ADMIN_PASSWORD_FILE), else a random one, printed once. Changes nothing when there are users."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        given: str = settings.ADMIN_PASSWORD
        users: Any = get_user_model()
        password = given or secrets.token_urlsafe(12)
        with one_line(), transaction.atomic():
            if users.objects.exists():
                return
            users.objects.create_superuser(**{users.USERNAME_FIELD: USERNAME}, password=password)
        shown = "with the given password" if given else f"password {password}"
        self.stdout.write(f"the first user is {USERNAME}, {shown}")
