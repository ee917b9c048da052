"""Who may log in to the demo."""

from django.contrib.auth import get_user_model

USERNAME = PASSWORD = "demo"  # noqa: S105  printed on the terminal; the demo listens on loopback only


def ensure_demo_user() -> None:
    """The demo's administrator, with the printed password whatever it was."""
    user, _ = get_user_model().objects.get_or_create(
        username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
    )
    if not user.check_password(PASSWORD):
        user.set_password(PASSWORD)
        user.save()
