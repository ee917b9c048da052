"""Why a database failed, in its own words and in one line. Pure."""

from typing import Final

_MAX_CHARS: Final = 200


def in_words(error: object) -> str:
    """The first line of what the server said, at most 200 characters.

    Tables that are not there mean that nobody has made them yet; that is said, too.
    """
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if text.startswith(("no such table", "no such column")) or (
        text.startswith(("relation ", "column ")) and "does not exist" in text
    ):
        text = f"{text}: the database is not migrated (manage.py migrate)"
    return text[:_MAX_CHARS]
