"""Who follows what happens to devices, and the log of readings that is written while anybody does."""

from collections.abc import Callable
from typing import Final

from django.db import models
from msgspec import Struct, msgpack


class Follower(models.Model):
    """Somebody who reads the readings of a shard, one after the other, and how far it is.

    While a shard has one, its worker writes the log of readings, and keeps of it what is after the slowest one. The
    position may be behind the real one: it only says what is kept.
    """

    name = models.CharField(max_length=200)
    shard = models.PositiveIntegerField()
    position = models.BigIntegerField()  # as devices.handlers.log has them: all up to it is no longer needed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "name"], name="one_position_per_follower")]

    def __str__(self) -> str:
        return f"{self.name} in shard {self.shard}: {self.position}"


class LoggedReadings(models.Model):
    """The readings of one transaction in a shard, as its worker has stored them; written with them.

    It holds what a reading says, not where it stands: history goes with its device, or by its age, before a slow
    follower has come to it. Whether the log reaches back far enough: ShardState.logged_since.
    """

    pk = models.CompositePrimaryKey("shard", "commit")
    shard = models.PositiveIntegerField()
    commit = models.BigIntegerField()  # ShardState.commit of the transaction
    at_ms = models.BigIntegerField()  # Unix ms on the database's clock
    total_bytes = models.BigIntegerField()  # of the shard's rows up to this one, since the log was last empty
    readings = models.BinaryField()  # pack_readings

    def __str__(self) -> str:
        return f"readings of shard {self.shard}, commit {self.commit}"


class LoggedReading(Struct, array_like=True, frozen=True, gc=False):
    """A reading in the log."""

    rev: int
    ts: int  # Unix ms, as the next one
    received_ms: int
    metrics: bytes  # JSON object


class LoggedDevice(Struct, array_like=True, frozen=True):
    """A device's readings of one transaction, in order."""

    device: str  # key
    readings: list[LoggedReading]


pack_readings: Final[Callable[[list[LoggedDevice]], bytes]] = msgpack.Encoder().encode
"""As MessagePack: an array of devices."""

unpack_readings: Final[Callable[[bytes], list[LoggedDevice]]] = msgpack.Decoder(list[LoggedDevice]).decode
"""What was packed."""
