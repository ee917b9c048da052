"""What is remembered of a Shelly. Immutable: each change makes a new object."""

from typing import Final, Literal

from msgspec import Struct, structs

from bridge.dialects.forms.seen import MOST_METRICS
from bridge.observations import Scalar

Kind = Literal["n", "b", "t"]
"""What values of a metric are: numbers, booleans, texts."""
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
        new: dict[str, Kind] = {
            name: kind_of(value) for name, value in metrics.items() if value is not None and name not in self.metrics
        }
        room = max(0, MOST_METRICS - len(self.metrics))
        if not new or not room:
            return self
        return structs.replace(self, metrics={**self.metrics, **dict(list(new.items())[:room])})


class Asked(Struct, frozen=True, array_like=True):
    """A question that waits to be asked, or for its answer."""

    at_ms: int  # Unix ms: it is asked then
    tries: int = 0


class Now(Struct, frozen=True, omit_defaults=True):
    """What changes often."""

    asked: dict[str, Asked] = {}  # by question


def kind_of(value: Scalar) -> Kind:
    """What a value is."""
    if isinstance(value, bool):
        return "b"
    return "n" if isinstance(value, int | float) else "t"
