"""Counts the readings of each plant, for ever: retention removes the readings, the counts stay."""

from collections.abc import Sequence

from causeway.features import Effects, Feature, Table
from tests.apps.plants.models import PlantCount

_COUNTS = Table(PlantCount, ("device", "readings"), unique=("device",), add=("readings",))


class PlantsFeature(Feature):
    """Adds to the counts in the transaction that stores the readings: each counts once, whatever comes again."""

    name = "plants"

    def store(self, effects: Sequence[Effects]) -> None:
        """One statement for all plants of the round."""
        _COUNTS.write([(one.member.id, len(one.readings)) for one in effects if one.readings])
