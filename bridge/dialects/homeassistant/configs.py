"""Discovery messages: of one entity, or of a device with all its components; short or long keys, bases of topics.

<prefix>/<component>/[<node>/]<object>/config       one entity
<prefix>/device/[<node>/]<object>/config            a device: what isn't in a component is shared by all
"""

from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.texts import label
from bridge.dialects.homeassistant.abbreviations import LONG_OF_DEVICE, lengthened, with_base
from bridge.dialects.homeassistant.components import KNOWN

MOST_COMPONENTS: Final = 500  # of one device
_OWN: Final = frozenset({"device", "origin", "components"})
_MOST_IDENTIFIERS: Final = 20


class Discovered(Struct, frozen=True):
    """One entity as it was announced."""

    at: str  # its topic behind the prefix, with ``#`` and the component's id
    component: str
    metric: str  # how its values' names begin
    options: dict[str, Any]  # long keys


class Announced(Struct, frozen=True):
    """A discovery message."""

    device: dict[str, Any]  # long keys
    identifiers: tuple[str, ...]  # with the kind before each; the first names the device
    origin: str  # the software that sent it
    version: str
    entities: tuple[Discovered, ...] = ()
    withdrawn: tuple[str, ...] = ()  # ``at`` of components that are


def is_device(detail: str) -> bool:
    """Whether a discovery topic is a device's, not an entity's."""
    return detail.startswith("device/")


def announced(detail: str, value: dict[str, Any]) -> Announced:
    """What a message announces.

    Args:
        detail: its topic between prefix and ``/config``.
        value: what it is.
    """
    config = lengthened(value)
    origin = lengthened(_inner(config, "origin"), LONG_OF_DEVICE)
    device = lengthened(_inner(config, "device"), LONG_OF_DEVICE)
    entities, withdrawn = _components(detail, config) if is_device(detail) else ([_entity(detail, config)], [])
    return Announced(
        device=device,
        identifiers=identifiers(device),
        origin=label(origin.get("name")),
        version=label(origin.get("sw_version"), 64),
        entities=tuple(one for one in entities if one.component in KNOWN),
        withdrawn=tuple(withdrawn),
    )


def _entity(detail: str, config: dict[str, Any]) -> Discovered:
    component, _, name = detail.partition("/")
    name = name.rpartition("/")[2]
    metric = name if component == "sensor" else f"{component}.{name}"
    return Discovered(detail, component, metric, with_base(config, config.get("~")))


def _components(detail: str, config: dict[str, Any]) -> tuple[list[Discovered], list[str]]:
    """The components of a device; one that has nothing but its platform is withdrawn."""
    base = config.get("~")
    shared = with_base({key: value for key, value in config.items() if key not in _OWN}, base)
    found: list[Discovered] = []
    withdrawn: list[str] = []
    for name, raw in list(_inner(config, "components").items())[:MOST_COMPONENTS]:
        if not isinstance(raw, dict) or not (metric := label(name, 64)):
            continue
        own = lengthened(raw)
        if set(own) <= {"platform"}:
            withdrawn.append(f"{detail}#{metric}")
            continue
        options = shared | with_base(own, own.get("~", base))
        found.append(Discovered(f"{detail}#{metric}", label(own.get("platform"), 32), metric, options))
    return found, withdrawn


def identifiers(device: dict[str, Any]) -> tuple[str, ...]:
    """What a device is known by: ``i:<identifier>``, then ``c:<kind>:<connection>``."""
    listed = device.get("identifiers")
    texts = listed if isinstance(listed, list) else [listed]
    found = [f"i:{text}" for one in texts[:_MOST_IDENTIFIERS] if (text := label(one))]
    pairs = device.get("connections")
    connections = [_connection(one) for one in pairs[:_MOST_IDENTIFIERS]] if isinstance(pairs, list) else []
    return tuple(dict.fromkeys([*found, *filter(None, connections)]))


def _connection(pair: Any) -> str:
    if not isinstance(pair, list) or len(pair) != 2:
        return ""
    kind, text = label(pair[0], 32), label(pair[1])
    return f"c:{kind}:{text}" if kind and text else ""


def _inner(config: dict[str, Any], name: str) -> dict[str, Any]:
    inner = config.get(name)
    return inner if isinstance(inner, dict) else {}
