"""Rules by which foreign topics are read (bridge.dialects.mapping). Written by REST and the command load_mappings."""

from django.db import models

from devices.models.fields import JSONTextField
from runtime.database_clock import now


class Mapping(models.Model):
    """One rule. Gateways look for changes by the newest ``changed_ms`` and the number of rows."""

    rule = JSONTextField()  # bridge.dialects.mapping.rules.Rule
    changed_ms = models.BigIntegerField(db_index=True)  # Unix ms; unlike any other row's, higher with each change
    created_by = models.CharField(max_length=200)  # an actor
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"mapping {self.pk}"
