"""The shards' own bookkeeping: who works on them, how far, and what was counted."""

from django.db import models

from runtime.databases.topic_samples import TopicSample


class Installation(models.Model):
    """One row: what was decided at the first migration and may not change by itself."""

    shards = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.shards} shards"

    @classmethod
    def kept_shards(cls) -> int | None:
        """The number of shards that this database was set up with; None before the first migration."""
        return cls.objects.values_list("shards", flat=True).first()


class ShardState(models.Model):
    """Ownership and progress of a shard. Writing transactions raise ``commit`` where ``generation`` is their own."""

    shard = models.PositiveIntegerField(primary_key=True)
    generation = models.BigIntegerField(default=0)  # raised by whoever takes the shard; the former owner is then fenced
    owner = models.CharField(max_length=128, blank=True)  # host and process of the owner, for people
    commit = models.BigIntegerField(default=0)  # 1, 2, 3, …: the number of the last broadcast transaction
    beat_ms = models.BigIntegerField(default=0)  # Unix ms on the database's clock; the lease lasts LEASE_MS from it
    up_since_ms = models.BigIntegerField(default=0)  # Unix ms; when the owner took it
    committed_ms = models.BigIntegerField(
        default=0, db_default=0
    )  # the same clock; the last transaction with an effect
    is_followed = models.BooleanField(default=False, db_default=False)  # its worker is to write the log of readings
    # The log has every commit's readings after this one; null: nobody follows, or the worker does not know of it yet.
    logged_since = models.BigIntegerField(null=True)
    changes_since = models.BigIntegerField(default=0, db_default=0)  # the record has every commit's changes after it
    # Unix ms: how far the one of its devices is rolled up that is farthest behind; 0: all are rolled up.
    rolled_until_ms = models.BigIntegerField(default=0, db_default=0)
    rolling = models.PositiveIntegerField(default=0, db_default=0)  # devices whose turn to be rolled up has come
    # Why the owner's last transaction failed, or has not ended for long; empty: it did not.
    trouble = models.CharField(max_length=200, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"shard {self.shard} of {self.owner or 'nobody'}"


class Worker(models.Model):
    """A device worker's process, as long as it lives: the living share the shards evenly."""

    owner = models.CharField(max_length=128, primary_key=True)  # host and process, as in ShardState.owner
    pinned = models.CharField(max_length=200, blank=True)  # --shards; empty: its even share
    started_ms = models.BigIntegerField(default=0)  # Unix ms, on the database's clock
    beat_ms = models.BigIntegerField(default=0)  # the same; renewed every second

    def __str__(self) -> str:
        return f"worker {self.owner}"


class LinkCursor(models.Model):
    """How far a shard has applied a gateway's batches (bridge.link.Cursor)."""

    shard = models.PositiveIntegerField()
    gateway = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    seq = models.BigIntegerField()
    delivery_count = models.BigIntegerField(default=0)  # deliveries of the epoch up to seq, as the gateway counted them
    former_epoch = models.BigIntegerField(default=0)
    former_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "gateway"], name="one_cursor_per_gateway")]

    def __str__(self) -> str:
        return f"shard {self.shard}, {self.gateway}: epoch {self.epoch}, seq {self.seq}"


class RecentDeliveries(models.Model):
    """The QoS 1 deliveries of one batch, written with its effect, to know them should the broker deliver them again.

    Kept for the last deliveries of the broker's session (bridge.redelivery).
    """

    shard = models.PositiveIntegerField()
    gateway = models.CharField(max_length=64)
    session = models.BigIntegerField()  # Batch.session
    epoch = models.BigIntegerField()
    connection_count = (
        models.BigIntegerField()
    )  # new deliveries of the connection, all shards', up to the batch's last one
    packed = models.BinaryField()  # bridge.redelivery.Record: counts, packet ids and digests

    class Meta:
        indexes = [models.Index(fields=["shard", "gateway", "session", "connection_count"])]

    def __str__(self) -> str:
        return f"deliveries of shard {self.shard} up to {self.connection_count} of session {self.session}"


class LedgerCount(models.Model):
    """The ledger of a shard, for ever: counted in the effect's transaction.

    ``received`` is the gateways' count, carried by batches; the outcomes are the worker's. They can differ: that is
    what they are for.
    """

    shard = models.PositiveIntegerField()
    outcome = models.CharField(max_length=12)  # received | applied | duplicate | quarantined | rejected; noted: values
    reason = models.CharField(max_length=32, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "outcome", "reason"], name="one_count_per_reason")]

    def __str__(self) -> str:
        return f"shard {self.shard}, {self.outcome} {self.reason}: {self.count}"


class Rejected(TopicSample):
    """Messages that workers rejected; ``writer`` is the shard that the device would be of."""

    class Meta(TopicSample.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["writer", "topic", "reason"], name="one_rejected_per_shard_topic")
        ]
