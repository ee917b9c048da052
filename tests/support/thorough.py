"""What only ``make faults FAULTS=long`` runs: variants of what ``make test`` shows already, and large numbers."""

import os

LONG = os.environ.get("CAUSEWAY_LONG_TESTS") == "1"


def thorough(*more: str) -> list[str]:
    """These values of a parameter in a long run, else none: ``parametrize("how", ["kill", *thorough("stop")])``."""
    return list(more) if LONG else []
