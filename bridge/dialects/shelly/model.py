"""What is remembered of a Shelly. Immutable: each change makes a new object."""

from typing import Final

from msgspec import Struct, structs

from bridge.dialects.forms.seen import Kind, with_kinds
from bridge.observations import Scalar

MOST_LABELS: Final = 200


class Shelly(Struct, frozen=True, omit_defaults=True):
    """A device."""

    prefix: str = ""  # of its topics; of Gen1 its id
    gen: int = 0  # 1, or 2 for all later ones; 0: nothing has shown yet that it is a Shelly
    name: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    labels: dict[str, str] = {}  # of components, as people named them
    metrics: dict[str, Kind] = {}
    sensors: dict[str, int] = {}  # BTHome object ids, by component: what a bthomesensor measures
    auth: bool = False  # RPC needs a password: it is told by control topics only
    sleeps: bool = False
    sleep_s: int = 0  # so long, where that is known

    def with_metrics(self, metrics: dict[str, Scalar]) -> "Shelly":
        """With further metrics; the same object where none is new."""
        seen = with_kinds(self.metrics, metrics)
        return self if seen is self.metrics else structs.replace(self, metrics=seen)


class Asked(Struct, frozen=True, array_like=True):
    """A question that waits to be asked, or for its answer."""

    at_ms: int  # Unix ms: it is asked then
    tries: int = 0


class Now(Struct, frozen=True, omit_defaults=True):
    """What changes often."""

    asked: dict[str, Asked] = {}  # by question
