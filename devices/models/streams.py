"""What is kept so that clients of event streams can go on where they were."""

from django.db import models

from runtime.database_clock import now


class StreamPosition(models.Model):
    """A part of where a stream's client stands: what was sent since the part before it, or all of it.

    Written only where a stream moves more devices than fit into an event's id. Kept until two hours after the last
    ten minutes in which it was needed.
    """

    stream = models.CharField(max_length=32)
    number = models.BigIntegerField()  # 1, 2, 3, … of a stream
    is_whole = models.BooleanField()  # it needs none of those before it
    moved = models.BinaryField()  # devices.web.live.stream.positions.pack
    needed_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "number"], name="one_position_per_number")]

    def __str__(self) -> str:
        return f"position {self.number} of stream {self.stream}"
