"""Which of its parts a process has: gateways and workers go without the web, which they would only have to import."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_WITHOUT_WEB: Final = frozenset({"run_gateway", "run_devices", "run_handlers"})


def has_web(arguments: Sequence[str]) -> bool:
    """Whether the process of this command line may serve the web, or work on its tables.

    Args:
        arguments: as ``sys.argv``.
    """
    return not (Path(arguments[0]).name == "manage.py" and _WITHOUT_WEB.intersection(arguments[1:2]))


def is_served() -> bool:
    """Whether Daphne's command imports us: it serves the web, for as long as it lives."""
    return "daphne.cli" in sys.modules
