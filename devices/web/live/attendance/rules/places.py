"""What people may attend: a device, a page, or a place of an app. Pure."""

import re
from typing import Final, Literal

from bridge.names import is_device_key, is_name

PLACES: Final = 'a place is a device "site/device", "page:NAME" or "app:LABEL/NAME"'
_PAGE, _APP = "page:", "app:"
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")  # of a Django app

Kind = Literal["device", "page", "app"]


def kind_of(place: str) -> Kind | None:
    """What a place is; None: nothing that could be attended.

    The devices of a site whose own name begins with ``page:`` or ``app:`` can't be attended.
    """
    if place.startswith(_PAGE):
        return "page" if is_name(place.removeprefix(_PAGE)) else None
    if place.startswith(_APP):
        label, _, name = place.removeprefix(_APP).partition("/")
        return "app" if _LABEL.match(label) and is_name(name) else None
    return "device" if is_device_key(place) else None
