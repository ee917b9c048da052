"""Topic filters into SUBSCRIBE packets: as many in one as may share its properties, each filter before wider ones."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from bridge.dialects.dialect import Filter
from mqtt_gateway.client.broker import Connection, Manner, RefusedFiltersError
from mqtt_gateway.rules.filter_owners import identifier, in_order

_AT_ONCE: Final = 200  # filters in a packet


async def subscribe(
    connection: Connection, filters: Iterable[Filter], *, identified: bool, retained: bool = False
) -> dict[str, str]:
    """Subscribe to them all.

    Args:
        connection: to the broker.
        filters: each with its manner.
        identified: with subscription identifiers.
        retained: what is retained there is to come, whatever their manner says.

    Returns:
        Those that the broker refused, and why.

    Raises:
        ConnectError: the connection was lost meanwhile.
    """
    refused: dict[str, str] = {}
    for manner, names in _packets(filters, identified=identified, retained=retained):
        try:
            await connection.subscribe(names, manner)
        except RefusedFiltersError as error:
            refused |= error.filters
    return refused


async def unsubscribe(connection: Connection, names: Sequence[str]) -> None:
    """Unsubscribe from them all; raises ConnectError."""
    for start in range(0, len(names), _AT_ONCE):
        await connection.unsubscribe(names[start : start + _AT_ONCE])


def _packets(filters: Iterable[Filter], *, identified: bool, retained: bool) -> Iterator[tuple[Manner, list[str]]]:
    by_name = {one.topic_filter: one for one in filters}
    names = in_order(by_name) if identified else list(by_name)

    def manner(name: str) -> Manner:
        one = by_name[name]
        how = "always" if retained else one.retained
        return Manner(one.qos, how, identifier=identifier(name) if identified else 0)

    for shared, group in groupby(names, manner):
        together = list(group)
        for start in range(0, len(together), _AT_ONCE):
            yield shared, together[start : start + _AT_ONCE]
