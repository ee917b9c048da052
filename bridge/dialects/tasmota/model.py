"""What is remembered of the Tasmota devices of a site. Immutable: each change makes new objects."""

from typing import Final

from msgspec import Struct, structs

from bridge.dialects.forms.seen import Kind, with_kinds
from bridge.observations import Scalar

MOST_THINGS: Final = 2_000  # of a source; further ones report, but are not described


class Thing(Struct, frozen=True, omit_defaults=True):
    """A device, or one behind a bridge."""

    command_stem: str = ""  # of its command topics: "cmnd/plug/"; empty: it takes none
    name: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""  # MAC, upper case without colons
    online: str = "Online"
    offline: str = "Offline"
    words: tuple[str, str, str] = ("OFF", "ON", "TOGGLE")
    relays: tuple[int, ...] = ()  # 0 none, 1 relay, 2 light, 3 of a shutter; known from the discovery alone
    labels: dict[str, str] = {}  # of relays, by metric
    metrics: dict[str, Kind] = {}
    units: dict[str, str] = {}  # TempUnit, PressureUnit, SpeedUnit
    reduced_ct: bool = False  # colour temperatures 200 … 380 mired (SetOption82)
    sleep_s: int = 0  # it sleeps so long between two messages
    discovered: bool = False
    withdrawn: bool = False
    bridge: str = ""  # name of the thing through which it is reached


class Announced(Struct, frozen=True, omit_defaults=True):
    """Sensors of a device whose config wasn't there yet."""

    metrics: dict[str, Kind] = {}
    units: dict[str, str] = {}


class Fleet(Struct, frozen=True, omit_defaults=True):
    """All devices of a source."""

    things: dict[str, Thing] = {}  # by device topic; behind a bridge: "topic.address"
    topics: dict[str, str] = {}  # device topic by MAC, as discovered
    announced: dict[str, Announced] = {}  # by MAC
    # Of devices whose FullTopic no pattern covers: "haus/plug/tele/" → prefix and device topic.
    stems: dict[str, tuple[str, str]] = {}

    def with_thing(self, name: str, thing: Thing) -> "Fleet":
        """With a device that is new or another; the same object where nothing changes, or there is no room."""
        before = self.things.get(name)
        if before == thing or (before is None and len(self.things) >= MOST_THINGS):
            return self
        return structs.replace(self, things={**self.things, name: thing})


class Asked(Struct, frozen=True, array_like=True):
    """A device that is to be asked for its values."""

    at_ms: int  # Unix ms: then
    tries: int = 0


class Now(Struct, frozen=True, omit_defaults=True):
    """What changes often."""

    asked: dict[str, Asked] = {}  # by thing
    asked_ms: int = 0  # Unix ms; when any was asked last
    # What was last switched, by "thing metric": value, Unix ms. The same comes twice, in RESULT and in POWER.
    switched: dict[str, tuple[Scalar, int]] = {}
    unread: tuple[str, ...] = ()  # things whose LWT had words that only a discovery explains
    refetch: bool = False  # what is retained is to come again


def with_metrics(thing: Thing, metrics: dict[str, Scalar], units: dict[str, str]) -> Thing:
    """The device with further metrics and units; the same object where nothing is new."""
    seen = with_kinds(thing.metrics, metrics)
    other_units = any(thing.units.get(name) != unit for name, unit in units.items())
    if seen is thing.metrics and not other_units:
        return thing
    return structs.replace(thing, metrics=seen, units={**thing.units, **units})
