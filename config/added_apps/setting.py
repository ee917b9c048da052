"""Reads ``CAUSEWAY_APPS``: names of apps, each as INSTALLED_APPS takes it, or an installed package's entry point."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final

from config import environment as env

GROUP: Final = "causeway.apps"  # of entry points
_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)


def added_apps(name: str) -> tuple[str, ...]:
    """What INSTALLED_APPS gets, in order: modules of apps, and paths of AppConfig classes.

    Raises:
        ImproperlyConfigured: an entry is neither, or stands there twice.
    """
    return env.parsed(name, "", _entries)


def _entries(text: str) -> tuple[str, ...]:
    named = [part.strip() for part in text.split(",") if part.strip()]
    offered = _offered() if named else {}
    found = tuple(_entry(place, one, offered) for place, one in enumerate(named, start=1))
    if len(set(found)) < len(found):
        raise ValueError("an app stands there twice")
    return found


def _entry(place: int, named: str, offered: dict[str, list[str]]) -> str:
    values = offered.get(named, [named])
    if len(values) > 1:
        raise ValueError(f"entry {place}: several installed packages have an entry point of this name")
    path = values[0].replace(":", ".")
    if not _NAME.match(path):
        raise ValueError(
            f"entry {place}: write the name of a Python module, like plants, or of an AppConfig's class, "
            "like plants.apps.PlantsConfig"
        )
    return path


def _offered() -> dict[str, list[str]]:
    """The different values of each entry point of the group, by its name."""
    found: dict[str, list[str]] = {}
    for name, value in _points():
        found.setdefault(name, [])
        found[name] += [] if value in found[name] else [value]
    return found


def _points() -> Iterator[tuple[str, str]]:
    for point in entry_points(group=GROUP):
        yield point.name, point.value
