"""Who wants to hear what is on the broker, and what was heard. config hands in who keeps that: devices do.

Synchronous: for the gateway's database thread. The first two arguments of each function are what Lease.run gives.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.gateway_status import AskedListening, HeardNews


def _none(_gateway: str, _running: Collection[int], _most: int) -> Sequence[AskedListening]:
    return ()


@dataclass
class Provider:
    """Who keeps it. Until config says so, nobody asks."""

    take: Callable[[str, Collection[int], int], Sequence[AskedListening]] = _none
    record: Callable[[HeardNews], None] = lambda _: None


provider: Final = Provider()


def provide(
    take: Callable[[str, Collection[int], int], Sequence[AskedListening]], record: Callable[[HeardNews], None]
) -> None:
    """Ask and tell these from now on. At start-up."""
    provider.take, provider.record = take, record


def take(key: str, _instance: str, running: Collection[int], most: int) -> Sequence[AskedListening]:
    """Those that are this gateway's to carry out and are not under way, at most so many."""
    return provider.take(key, running, most)


def record(_key: str, _instance: str, news: HeardNews) -> None:
    """Keep what was heard."""
    provider.record(news)
