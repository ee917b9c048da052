"""The app's own table."""

from django.db import models


class Copy(models.Model):
    """A reading, as a handler was handed it."""

    handler = models.PositiveIntegerField()
    device = models.CharField(max_length=129)
    rev = models.BigIntegerField()
    value = models.FloatField(null=True)
    late_ms = models.BigIntegerField()  # behind its transaction's begin, on the database's clock; 0: not known

    class Meta:
        app_label = "followers"

    def __str__(self) -> str:
        return f"{self.device}@{self.rev}"
