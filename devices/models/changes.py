"""What has changed of devices besides their readings, one by one: the record that timelines and followers read."""

from django.db import models

from devices.models.fields import JSONTextField
from devices.rules.actors import MAX_ACTOR_CHARS


class Change(models.Model):
    """One change of one device, written in the transaction that made it. Kept for RETENTION_DAYS.

    Its place is (shard, commit, nth): of a shard, all that is committed later has a higher one. A device's changes are
    in the order of (commit, nth), whatever its shard was at the time: commit numbers only go up, resharding included.
    """

    pk = models.CompositePrimaryKey("shard", "commit", "nth")
    shard = models.PositiveIntegerField()
    commit = models.BigIntegerField()  # ShardState.commit of the transaction
    nth = models.PositiveIntegerField()  # in the commit, from 1
    device = models.CharField(max_length=129)  # key; the record outlives the device
    at_ms = models.BigIntegerField()  # Unix ms on the database's clock, when it took effect
    rev = models.BigIntegerField(null=True)  # that it took; of a deletion the last one; null: it takes none
    kind = models.CharField(max_length=12)  # a devices.rules.twin.ChangeKind
    patch = JSONTextField()  # what it made of that part of the device, as devices.rules.twin.TwinChange says
    undo = JSONTextField()  # what makes that part again what it was; null: there was nothing
    actor = models.CharField(max_length=MAX_ACTOR_CHARS)  # an Actor; "": nobody asked for it

    class Meta:
        indexes = [models.Index(fields=["device", "commit", "nth"], name="changes_of_a_device")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device} at {self.shard}/{self.commit}/{self.nth}"
