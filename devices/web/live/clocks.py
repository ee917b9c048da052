"""The wall clock, as the contract writes it."""

import time


def unix_ms() -> int:
    """Unix milliseconds."""
    return int(time.time() * 1000)
