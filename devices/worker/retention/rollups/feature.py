"""The feature of rollups. It has no hook in rounds: all that it does is a step between them, as retention's are."""

from collections.abc import Iterable

from devices.options import DevicesOptions
from devices.worker.effects.feature import Feature
from devices.worker.retention.rollups.old import OldRollups
from devices.worker.retention.rollups.task import RollUp
from devices.worker.retention.scope import PurgeTask


class RollupsFeature(Feature):
    """Rolls up, and removes what is too old of it.

    Args:
        options: of the installation.
    """

    name = "rollups"
    minds_readings = False

    def __init__(self, options: DevicesOptions) -> None:
        self._days = options.rollup_days

    def purges(self) -> Iterable[PurgeTask]:
        """Both are steps between the rounds."""
        return (RollUp(), OldRollups(self._days))
