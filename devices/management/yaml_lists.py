"""Lists in YAML files, as commands take them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml
from django.core.management.base import CommandError

from devices.requests.refusals import RefusalError

_MOST_BYTES: Final = 4 * 1024 * 1024


def read_list(file: Path, kind: str, check: Callable[[Any], object]) -> list[Any]:
    """What a file lists.

    Args:
        file: of at most 4 MiB.
        kind: what one is, for people: "rule".
        check: looks at one; raises RefusalError.

    Raises:
        CommandError: it can't be read, is no list, or one of them is wrong: which, and why.
    """
    try:
        text = file.read_bytes()
        if len(text) > _MOST_BYTES:
            raise CommandError(f"{file}: over {_MOST_BYTES} bytes")
        value = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise CommandError(f"{file}: {' '.join(str(error).split())}") from None
    if not isinstance(value, list):
        raise CommandError(f"{file}: it is no list of {kind}s")
    for number, one in enumerate(value, start=1):
        try:
            check(one)
        except RefusalError as error:
            raise CommandError(f"{file}: {kind} {number}: {error}") from None
    return value
