"""The wall clock, as frames have it."""

import time


def unix_ms() -> int:
    """Unix milliseconds."""
    return int(time.time() * 1000)
