"""Reads the environment (docs/configuration.md). Every error names its variable; secrets may come from files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file named by ``<NAME>_FILE`` without its last line break."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, default)
    if os.environ.get(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one")
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ImproperlyConfigured(f"{name}_FILE: {reason}") from None


def parsed(name: str, default: str, parse: Callable[[str], T]) -> T:
    """The variable through ``parse``, whose ValueError says what a good value is."""
    try:
        return parse(text(name, default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def boolean(name: str, *, default: bool = False) -> bool:
    """``true``/``false`` and their usual spellings."""

    def parse(value: str) -> bool:
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError("it is neither true nor false")
        return value.lower() in _TRUE

    return parsed(name, str(default), parse)


def integer(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError("it is not a whole number") from None
        if not low <= number <= high:
            raise ValueError(f"it is not within {low} and {high}")
        return number

    return parsed(name, str(default), parse)


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of ``choices``."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"it is none of {', '.join(choices)}")
        return value

    return parsed(name, default, parse)


def names(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def writable_file(name: str) -> str:
    """The path of a file in a directory that is there; empty when unset."""
    path = text(name)
    if path and not Path(path).parent.is_dir():
        raise ImproperlyConfigured(f"{name}: its directory is not there")
    return path
