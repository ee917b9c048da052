"""What is measured: a list of scenarios. Each module here has a tuple ``SCENARIOS``; MODULES names them in order.

To add one, write such a module (``absence`` is a short one) and put its name into MODULES. The runner calls ``measure``
a number of rounds on each installation in turn, all of which run at that time and are idle; what it drove must be idle
again when it returns.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.installations.installation import Candidate, Effort, Installation
from bench.measure.limits import Limit, verdict
from bench.measure.results import Better, Measured, Results

MODULES: Final = (
    *("uplink", "rates", "start", "commands", "fanout", "absence"),
    *("ceilings", "link", "written", "history", "series", "followers", "overload", "scale", "pages"),
)
"""In the order in which they run."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row of the table."""

    name: str  # of the row and in results.json, ``uplink``; one of several alike: ``latency/50%``, ``fanout/1000``
    title: str  # as a heading; the same for rows that belong to one table
    what: str  # is measured: one sentence
    measure: Callable[[Installation, Effort], Measured]
    """One round. Raises AssertionError when the installation failed in a way that makes figures worthless."""
    on: tuple[Candidate, ...]  # it is measured on these installations; Causeway, if among them, is the first
    figures: tuple[str, ...]  # compared, of all that ``measure`` gives; rates are better high, all else is better low
    limits: tuple[Limit, ...] = ()  # must hold
    compared_with: Mapping[str, str] = field(default_factory=dict)  # whose ratio is to whom, where not to Causeway
    rounds: tuple[int, int] = (2, 3)  # of the quick run, of the full one
    full_only: bool = False  # left out of the quick run

    def verdicts(self, measured: Results) -> list[dict[str, Any]]:
        """Of the ``scenarios`` of results.json: whether its limits held."""
        return [verdict(limit, self.name, measured) for limit in self.limits]

    @property
    def better(self) -> dict[str, Better]:
        """Of each figure which way is better."""
        return {name: "higher" if name.endswith(("per_s", "per_cpu_s")) else "lower" for name in self.figures}


NOTHING_LOST: Final = Limit("lost", "≤", 0, text="nothing is lost")
NOTHING_REPEATED: Final = Limit("repeated", "≤", 0, text="nothing is repeated")


def scenarios(only: tuple[str, ...] = (), *, full: bool = True) -> list[Scenario]:
    """Those of a run, in order.

    Args:
        only: names; ``latency`` means all of ``latency/…``. Those are taken although they are for the full run only.
        full: with those that the quick run leaves out.

    Raises:
        KeyError: a name in ``only`` is no scenario's.
    """
    known = [one for name in MODULES for one in importlib.import_module(f"bench.scenarios.{name}").SCENARIOS]
    for wanted in only:
        if not any(_is(one.name, wanted) for one in known):
            raise KeyError(f"no scenario {wanted!r}; there are: {', '.join(one.name for one in known)}")
    if only:
        return [one for one in known if any(_is(one.name, wanted) for wanted in only)]
    return [one for one in known if full or not one.full_only]


def _is(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(f"{wanted}/")
