"""The app's own tables."""

from django.db import models


class Seen(models.Model):
    """A reading that the handler was handed; by ``id`` in the order in which they were."""

    device = models.CharField(max_length=129)
    rev = models.BigIntegerField()
    late_ms = models.BigIntegerField()  # behind its reception, on the database's clock

    class Meta:
        app_label = "witness"

    def __str__(self) -> str:
        return f"{self.device}@{self.rev}"


class Trouble(models.Model):
    """What a handler is to do wrong, as long as the row is there."""

    device = models.CharField(max_length=129)  # at which
    kind = models.CharField(max_length=5)  # raise | hang

    class Meta:
        app_label = "witness"

    def __str__(self) -> str:
        return f"{self.kind} at {self.device}"
