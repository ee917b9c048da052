"""Alerts that have been over for longer than history is kept."""

from devices.models import Alert
from devices.models.alerts import RESOLVED
from devices.worker.retention.purges import remove_first
from devices.worker.retention.scope import Scope


class OldAlerts:
    """Alerts by age."""

    def step(self, scope: Scope, limit: int) -> float:
        """As of :class:`PurgeTask`."""
        over = Alert.objects.filter(state=RESOLVED, cleared_ms__lt=scope.cutoff_ms)
        return remove_first(scope.ours(over, "hash"), scope, limit)
