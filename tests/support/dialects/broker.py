"""What a broker does for a client with one dialect's filters: it keeps what is retained, delivers what is wanted."""

from collections.abc import Iterator

from bridge.dialects.dialect import TOPIC, Dialect, Filter, Route, Sorted
from bridge.topic_filters import matches
from tests.support.dialects.rows import Row


class Broker:
    """A broker's store, and the subscriptions of a gateway that speaks one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.retained: dict[str, Row] = {}
        self.wanted: dict[str, tuple[Filter, ...]] = {}  # by source

    def store(self, row: Row) -> None:
        """Keep a retained message; an empty one clears."""
        if not row.retain:
            return
        if row.payload:
            self.retained[row.topic] = row
        else:
            self.retained.pop(row.topic, None)

    def subscribed(self, topic: str) -> bool:
        """Whether a message on this topic comes at all."""
        wanted = (one for filters in self.wanted.values() for one in filters)
        return any(matches(one.topic_filter, topic) for one in (*self.dialect.filters(), *wanted))

    def route(self, topic: str) -> Sorted | None:
        """Whose topic it is: a source's that wants it (exactly before by a wildcard), or whose the dialect says."""
        wildcard = None
        for source, filters in self.wanted.items():
            for one in filters:
                if one.topic_filter == topic:
                    return Route(self.dialect.name, source, TOPIC, topic)
                if matches(one.topic_filter, topic):
                    wildcard = Route(self.dialect.name, source, TOPIC, topic)
        return wildcard or self.dialect.route(topic)

    def want(self, source: str, filters: tuple[Filter, ...]) -> Iterator[Row]:
        """A source's filters from now on; what is retained under those that are new comes at once."""
        before = {one.topic_filter for one in self.wanted.get(source, ())}
        self.wanted[source] = filters
        for one in filters:
            if one.topic_filter not in before and one.retained != "never":
                yield from self.under(one.topic_filter)

    def under(self, topic_filter: str) -> list[Row]:
        """What is retained under a filter."""
        return [row for topic, row in self.retained.items() if matches(topic_filter, topic)]
