"""Python's garbage collector in processes that hold much and leave little: search seldom, and not what is there by now.

Reference counts free nearly all that we make; the collector only finds circles. It searches everything that is alive
again and again, which cost a quarter of a worker's CPU when each message was another device's (a round makes ten
thousands of objects), and half of the web process's while thousands of sockets connected.
"""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 20, 50)  # Python's: 700, 10, 10
_AT_START: Final = 200_000


def collect_later() -> None:
    """While a process starts: what it imports stays, and searching it costs a tenth of the time. For a short while."""
    gc.set_threshold(_AT_START)


def collect_seldom() -> None:
    """Collect now, count what is left as there for ever, and look for garbage less often. Safe to repeat.

    What a start leaves as garbage is little, and not searched for.
    """
    if gc.get_freeze_count():
        gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
