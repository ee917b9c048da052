"""How a user wants the pages: stored, checked, and where nothing is stored as the browser has it."""

from typing import Any
from zoneinfo import ZoneInfo

from devices.models import Board, UserPreferences
from devices.models.people import MAX_ZONE_CHARS, Preferences
from devices.requests.refusals import BadRequestError
from devices.web.auth import Access


def preferences_of(who: Access) -> Preferences:
    """A user's or a board's, as they are stored, else those that hold without."""
    model: Any = UserPreferences if who.board is None else Board
    stored: Preferences | None = model.objects.filter(pk=who.user_id if who.board is None else who.board).first()
    return stored or UserPreferences(user_id=who.user_id)


def change_preferences(who: Access, changes: dict[str, str | None]) -> Preferences:
    """Store what a user has chosen; None stands for what holds without.

    Raises:
        BadRequestError: there is no such time zone.
    """
    check_zone(changes.get("time_zone"))
    without = UserPreferences()
    values = {name: value or getattr(without, name) for name, value in changes.items()}
    stored, _ = UserPreferences.objects.update_or_create(user_id=who.user_id, defaults=values)
    return stored


def as_json(preferences: Preferences) -> dict[str, str | None]:
    """As the API and the pages have them."""
    return {
        "theme": preferences.theme,
        "language": preferences.language or None,
        "time_zone": preferences.time_zone or None,
    }


def check_zone(name: str | None) -> None:
    """Let a time zone pass that this machine knows, and none.

    Raises:
        BadRequestError: it is not known.
    """
    if name and zone_of(name) is None:
        raise BadRequestError(f"time_zone: {name[:MAX_ZONE_CHARS]!r} is not in the IANA's database, like Europe/Berlin")


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone with this name; None: there is none."""
    if not name or len(name) > MAX_ZONE_CHARS:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None
