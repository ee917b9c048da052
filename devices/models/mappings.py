"""Rules of people by which values are made: of foreign topics (bridge.dialects.mapping), and of other metrics."""

from django.db import models

from devices.models.fields import JSONTextField
from devices.rules.actors import MAX_ACTOR_CHARS
from runtime.database_clock import now


class Mapping(models.Model):
    """One rule. Written by REST and the command load_mappings.

    Gateways look for changes by the newest ``changed_ms`` and the number of rows.
    """

    rule = JSONTextField()  # bridge.dialects.mapping.rules.Rule
    changed_ms = models.BigIntegerField(db_index=True)  # Unix ms; unlike any other row's, higher with each change
    created_by = models.CharField(max_length=200)  # an actor
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"mapping {self.pk}"


class CalculatedMetric(models.Model):
    """A metric that is calculated from others. Written by REST and the command load_calculated_metrics."""

    metric = models.CharField(max_length=128)
    site = models.CharField(max_length=64)  # of its scope; "": all
    calculated = JSONTextField()  # a devices.rules.described.calculated.Calculated
    version = models.PositiveIntegerField(default=1)
    changed_ms = models.BigIntegerField(db_index=True)  # Unix ms; unlike any other row's, higher with each change
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS)  # an Actor, as the next one
    changed_by = models.CharField(max_length=MAX_ACTOR_CHARS)

    def __str__(self) -> str:
        return f"calculated metric {self.metric}"
