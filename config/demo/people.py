"""Who may log in to the demo."""

from typing import Any

from django.contrib.auth import get_user_model

USERNAME = PASSWORD = "demo"  # noqa: S105  printed on the terminal; the demo listens on loopback only


def ensure_demo_user() -> None:
    """The demo's administrator, with the printed password whatever it was."""
    users: Any = get_user_model()
    name = {users.USERNAME_FIELD: USERNAME}
    user = users.objects.filter(**name).first() or users.objects.create_superuser(**name)
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
        user.save()
