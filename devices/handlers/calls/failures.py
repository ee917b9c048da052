"""Why a transaction of a handler did not come about: it failed, the database did, or the cursor is another's."""

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from devices.models.handlers import MAX_WHY_CHARS


class CursorLostError(Exception):
    """Another process has the cursor now, or it was set anew."""


def is_outage(error: BaseException) -> bool:
    """Whether the database itself has failed: the connection does not work any more."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return True
    return False


def in_words(error: BaseException) -> str:
    """Why a handler failed, in one line for people."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text.replace("\0", "")[:MAX_WHY_CHARS]
