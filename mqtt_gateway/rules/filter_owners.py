"""Which copy of a message counts, where several of our subscriptions match its topic. Pure.

A broker sends a message once for each subscription that matches it, or once for all (MQTT 5.0 3.3.4); either way it
says by which, with the identifiers that we subscribed with. Of the filters that match a topic one *owns* it, the one
with the longest literal beginning: the copy with its identifier counts, the others don't.

A filter owns nothing before all that came without it is here, or messages that the broker queued earlier would have no
copy that counts::

    subscribed: pending ──a marker, published after it, is back──> settled
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from zlib import crc32

from msgspec import Struct

_MOST: Final = 268_435_455  # the largest identifier (MQTT 5.0 3.8.2.1.2)
_REMEMBERED: Final = 16_384  # topics whose owners are
_NEVER: Final = float("inf")
EXACT: Final = 1  # of all filters without a wildcard: no two of those match one topic


def is_exact(topic_filter: str) -> bool:
    """Whether it has no wildcard."""
    return "+" not in topic_filter and "#" not in topic_filter


def identifier(topic_filter: str) -> int:
    """With which we subscribe to it: the same in every process and release, for a broker keeps it with the session."""
    return EXACT if is_exact(topic_filter) else 2 + crc32(topic_filter.encode()) % (_MOST - 1)


class FilterTree:
    """Topic filters, and which of them match a topic: in a time that depends on its levels, not on their number.

    Args:
        filters: valid ones.
    """

    def __init__(self, filters: Iterable[str] = ()) -> None:
        self.filters: Final = frozenset(filters)
        self._root: dict[str, Any] = {}
        for one in self.filters:
            if not is_exact(one):
                self._insert(one)

    def _insert(self, topic_filter: str) -> None:
        node = self._root
        for level in topic_filter.split("/"):
            node = node.setdefault(level, {})
        node["\0"] = topic_filter  # no level has a NUL

    def owner(self, topic: str) -> str | None:
        """The one that owns a topic; None: none matches it."""
        if topic in self.filters and is_exact(topic):
            return topic
        return max(self._matching(topic), key=_rank, default=None) if self._root else None

    def _matching(self, topic: str) -> list[str]:
        found: list[str] = []
        nodes = [self._root]
        system = topic.startswith("$")
        for level in topic.split("/"):
            found += [node["#"]["\0"] for node in nodes if "#" in node and not (system and node is self._root)]
            nodes = [
                node[name]
                for node in nodes
                for name in ((level,) if system and node is self._root else {level, "+"})
                if name in node
            ]
        return found + [one for node in nodes for one in (node.get("\0"), node.get("#", {}).get("\0")) if one]


def _rank(topic_filter: str) -> tuple[int, int, bool, str]:
    levels = topic_filter.split("/")
    beginning = next((index for index, level in enumerate(levels) if level in ("+", "#")), len(levels))
    return beginning, sum(level not in ("+", "#") for level in levels), levels[-1] != "#", topic_filter


class _Pending(Struct, frozen=True):
    """Subscribed to, one after the other, and not settled."""

    tree: FilterTree
    subscribed_s: float = _NEVER


class FilterOwners:
    """Of one connection after the other. Nothing is a copy before :meth:`begin`."""

    def __init__(self) -> None:
        self.needed = False  # some message may come twice: identifiers are to be read
        self._settled = FilterTree()
        self._pending: list[_Pending] = []
        self._all = FilterTree()
        self._known: dict[str, str | None] = {}  # owners, while nothing is pending

    def begin(self, settled: Iterable[str], *, needed: bool) -> None:
        """A connection: the broker's session is known to be subscribed to these."""
        self.needed = needed
        self._settled, self._pending = FilterTree(settled), []
        self._all = self._settled
        self._known.clear()

    def subscribing(self, filters: Iterable[str]) -> None:
        """These are being subscribed to (:func:`in_order` says in which order); some may have been before."""
        self._all = FilterTree({*self._all.filters, *filters})
        new = self._all.filters - self._settled.filters - {one for p in self._pending for one in p.tree.filters}
        if new:
            self._known.clear()
            self._pending.append(_Pending(FilterTree(new)))

    def subscribed(self, now_s: float) -> None:
        """The broker has taken all of those."""
        self._pending = [p if p.subscribed_s < _NEVER else _Pending(p.tree, now_s) for p in self._pending]

    def unsubscribed(self, filters: Iterable[str]) -> None:
        """These are not any more."""
        gone = frozenset(filters)
        if not gone:
            return
        self._known.clear()
        self._all, self._settled = FilterTree(self._all.filters - gone), FilterTree(self._settled.filters - gone)
        self._pending = [_Pending(FilterTree(p.tree.filters - gone), p.subscribed_s) for p in self._pending]

    def settle(self, published_s: float) -> None:
        """All that the broker had at that time is here."""
        if not self._pending or self._pending[0].subscribed_s >= published_s:
            return
        ready = [one for one in self._pending if one.subscribed_s < published_s]
        self._pending = self._pending[len(ready) :]
        self._settled = FilterTree({*self._settled.filters, *(name for one in ready for name in one.tree.filters)})

    def is_copy(self, topic: str, identifiers: Sequence[int], *, retained: bool) -> bool:
        """Whether another copy of this message counts.

        Args:
            topic: its name.
            identifiers: of the subscriptions that the broker sent it for.
            retained: it was asked for by a SUBSCRIBE, so each copy comes by itself, and at once.
        """
        if not identifiers:
            return False  # from before we had identifiers, or filters that overlap
        owner = self._all.owner(topic) if retained else self._owner(topic)
        return owner is not None and identifier(owner) not in identifiers

    def _owner(self, topic: str) -> str | None:
        if not self._pending:
            return self._remembered(topic)
        trees = (self._settled, *(one.tree for one in self._pending))
        return next((owner for tree in trees if (owner := tree.owner(topic)) is not None), None)

    def _remembered(self, topic: str) -> str | None:
        try:
            return self._known[topic]
        except KeyError:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            owner = self._known[topic] = self._settled.owner(topic)
            return owner


def in_order(filters: Iterable[str]) -> list[str]:
    """In which order to subscribe: an owner before those that match its topics, too, so that no message is without."""
    return sorted(filters, key=_rank, reverse=True)
