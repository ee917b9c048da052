"""Commands that fail say why in one line."""

import contextlib
from collections.abc import Iterator

from django.core.management.base import CommandError
from django.db import DatabaseError

from devices.requests.refusals import RefusalError
from devices.requests.registry import RegistryFullError


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Turn what may go wrong outside of us into a CommandError: the database, files, names, limits."""
    try:
        yield
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CommandError(f"the database failed: {reason}") from None
    except (OSError, ValueError, RegistryFullError, RefusalError) as error:
        raise CommandError(str(error)) from None
