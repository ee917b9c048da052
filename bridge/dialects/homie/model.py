"""What Homie devices say that they are, reduced to what is needed, and what is known of one base's devices."""

from typing import Any, Final

from msgspec import Struct

MOST_PROPERTIES: Final = 1_000  # of a device; the first ones
MOST_CHARS: Final = 4_096  # of an attribute: the values of an enum may be many


class Property(Struct, frozen=True, omit_defaults=True, array_like=True):
    """One property of a device."""

    datatype: str = "string"
    name: str = ""
    format: str = ""
    unit: str = ""
    settable: bool = False
    retained: bool = True  # False: something that happens, not something that is


class Device(Struct, frozen=True, omit_defaults=True):
    """One device of a base."""

    homie: str = ""  # its version of the convention
    name: str = ""
    properties: dict[str, Property] = {}  # by "node/property"
    root: str = ""  # the device that has the connection; empty: itself
    parent: str = ""
    firmware: str = ""
    model: str = ""
    serial: str = ""
    attributes: dict[str, str] = {}  # of version 4, as they came
    complete: bool = False  # its properties are known
    withdrawn: bool = False  # it has taken all that back

    @property
    def is_known(self) -> bool:
        """Whether what it is counts."""
        return self.complete and not self.withdrawn


class Live(Struct, frozen=True, omit_defaults=True):
    """What changes more often."""

    states: dict[str, str] = {}  # of each device: its own $state
    described_ms: int = 0  # when a device became known: what it retains is to come again; 0: nothing is to come
    fetched_ms: int = 0  # when that was asked for last


Model = dict[str, Device]
NEW: Final = Device()


def is_level(text: Any) -> bool:
    """Whether a node or a property may be called so: it becomes a level of topics."""
    return isinstance(text, str) and 0 < len(text) <= 128 and text[0] != "$" and not set(text) & set("/+#\0")


def short(text: Any) -> str:
    """A text from a description; empty: it is none."""
    return text[:MOST_CHARS] if isinstance(text, str) else ""


def metric_of(path: str) -> str:
    """The metric of a property ``node/property``."""
    return path.replace("/", ".")
