"""Sees that added apps fit this installation: they can be imported, their labels are free, they want this version."""

from typing import Any, Final

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db.models import IntegerField

VARIABLE: Final = "CAUSEWAY_APPS"
OUR_LABELS: Final = frozenset(
    """
    admin auth axes causeway channels contenttypes devices messages mqtt_gateway sessions staticfiles
    """.split()  # noqa: SIM905 - read better
)


def refuse_misfits(entries: tuple[str, ...]) -> None:
    """See that each can be an app beside ours. Imports their packages and AppConfigs, and no models.

    Args:
        entries: as :func:`config.added_apps.setting.added_apps` returns them.

    Raises:
        ImproperlyConfigured: one can't; the sentence says which, by its place, and why.
    """
    places: dict[str, int] = {}
    for place, entry in enumerate(entries, start=1):
        label = _created(entry, place).label
        if label in OUR_LABELS:
            raise _wrong(place, "its label is one of Causeway's own; give its AppConfig another one")
        if label in places:
            raise _wrong(place, f"its label is that of entry {places[label]}, too")
        places[label] = place


def _created(entry: str, place: int) -> AppConfig:
    try:
        return AppConfig.create(entry)
    except ImportError as error:
        missing = error.name or ""
        if missing and f"{entry}.".startswith(f"{missing}."):
            raise _wrong(place, "there is no such module") from None
        raise _wrong(place, f"it can't be imported ({error})" if missing else "there is no such class") from None
    except ImproperlyConfigured:
        raise _wrong(place, "it is no Django app: its AppConfig has no good name or label") from None


def _wrong(place: int, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{VARIABLE}: entry {place}: {why}")


def require_version(config: AppConfig) -> None:
    """See that an app wants this version of Causeway: its AppConfig may say ``causeway_version = ">=0.1,<1"``.

    Raises:
        ImproperlyConfigured: it wants another one, or says no versions.
    """
    wanted: Any = getattr(config, "causeway_version", None)
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from causeway import __version__

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except (InvalidSpecifier, TypeError, AttributeError):
        raise ImproperlyConfigured(
            f"{VARIABLE}: {config.label}: causeway_version: write versions like '>=0.1,<1'"
        ) from None
    if not fits:
        raise ImproperlyConfigured(f"{VARIABLE}: {config.label} is for Causeway {wanted}; this is {__version__}")


def require_user_model() -> None:
    """See that the user model has what rights are made of, and a key that stands beside what people asked for.

    Raises:
        ImproperlyConfigured: it lacks something.
    """
    from devices.models import Membership

    users: Any = get_user_model()
    lacking = {name for name in ("is_active", "is_superuser") if not hasattr(getattr(users, name, None), "field")}
    if lacking:
        raise ImproperlyConfigured(
            f"AUTH_USER_MODEL: it lacks {' and '.join(sorted(lacking))}; inherit PermissionsMixin, or AbstractUser"
        )
    key: Any = Membership.user
    if not isinstance(key.field.target_field, IntegerField):
        raise ImproperlyConfigured("AUTH_USER_MODEL: its primary key must be a whole number")
