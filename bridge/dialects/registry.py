"""The dialects of an installation: those of the setting DIALECTS in its order, then those that apps registered.

Both banks ask :func:`dialects` with the same options, so that a worker reads what its gateways route. Apps register
theirs in ``AppConfig.ready``, which every process runs.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from bridge.dialects.builtin import NATIVE_ALONE, Enabled, built_in
from bridge.dialects.dialect import Dialect, Filter, RejectedTopic, Sorted
from bridge.dialects.mapping.dialect import MappingDialect
from bridge.registry import Registry

Factory = Callable[[str], Dialect]  # from the topic root

UNCLAIMED: Final = "foreign_root"  # why a topic is rejected that no dialect takes
factories: Final[Registry[Any]] = Registry("dialect", object)


class Dialects:
    """Some dialects in order: the first that takes a topic has it.

    What mappings route is read, too: ``by_name`` has that dialect, which listens to nothing by itself.

    Args:
        dialects: no two with one name.
    """

    def __init__(self, *dialects: Dialect) -> None:
        self._dialects: Final = dialects
        self.by_name: Final[dict[str, Dialect]] = {one.name: one for one in (MappingDialect(), *dialects)}

    def __iter__(self) -> Iterator[Dialect]:
        return iter(self._dialects)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What to subscribe to for all of them."""
        return tuple(one for dialect in self for one in dialect.filters())

    def route(self, topic: str) -> Sorted:
        """Sort a topic name; one that no dialect takes is rejected. Never raises, whatever the string."""
        for dialect in self:
            found = dialect.route(topic)
            if found is not None:
                return found
        return RejectedTopic(UNCLAIMED)

    def example(self, name: str, source: str) -> str | None:
        """A topic name on which this source publishes; None: nobody speaks that dialect (any more)."""
        dialect = self.by_name.get(name)
        return dialect.example(source) if dialect else None


def register_dialect(name: str, factory: Factory) -> None:
    """Add a dialect, after those that are there.

    Args:
        name: the dialect's own. It is stored with devices: never change it.
        factory: makes it; the argument is the topic root of Causeway's own, which stays out of bounds for others.

    Raises:
        bridge.registry.RegistrationError: nothing that can be called, its name is another's, or it is too late.
    """
    if not callable(factory):
        raise factories.error(name, f"it is a {type(factory).__name__}, which makes no dialect")
    factories.register(name, factory)


def dialects(topic_root: str, enabled: Iterable[Enabled] = NATIVE_ALONE) -> Dialects:
    """The installation's dialects.

    Args:
        topic_root: the first level of Causeway's own topics.
        enabled: those of the setting DIALECTS, with their bases.
    """
    apps = (factory(topic_root) for factory in factories.all().values())
    return Dialects(*built_in(enabled, topic_root), *apps)
