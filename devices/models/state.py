"""What is known of devices, in rev order. Written only by the shard workers."""

from django.db import models

from devices.models.fields import JSONTextField
from devices.models.registry import Device


class Twin(models.Model):
    """A device's current state: ``doc`` is a devices.rules.twin.TwinState; the other columns derive from it."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="twin")
    doc = JSONTextField()
    rev = models.BigIntegerField()
    status = models.CharField(max_length=8)  # presence
    tags = JSONTextField(default=list)
    purged_rev = models.BigIntegerField(default=0)  # readings and events up to it may be gone: no replay from before

    class Meta:
        indexes = [models.Index(fields=["status"])]

    def __str__(self) -> str:
        return f"twin {self.pk} at {self.rev}"


class Description(models.Model):
    """What a device is, where anybody has said anything: ``doc`` is a devices.rules.described.descriptions.Kept."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="description")
    doc = JSONTextField()
    folded_name = models.TextField(default="", db_default="")  # the device's name, casefolded: for finding it by that

    class Meta:
        # All that SQLite looks at for a part of a name. (PostgreSQL may have device_name_parts: migration 0028.)
        indexes = [models.Index(fields=["folded_name", "device"], name="descriptions_by_name")]

    def __str__(self) -> str:
        return f"description of {self.pk}"


class Reading(models.Model):
    """One telemetry object: a device's metrics at one time."""

    device = models.ForeignKey(Device, models.CASCADE, db_index=False, related_name="readings")
    rev = models.BigIntegerField()
    ts = models.BigIntegerField()  # Unix ms, by the time rule
    received_ms = models.BigIntegerField()  # Unix ms, at the gateway
    metrics = JSONTextField()
    clamped = models.BooleanField(default=False)  # its own time was over 5 min ahead of ours

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "rev"], name="one_reading_per_rev")]
        indexes = [models.Index(fields=["device", "ts"])]

    def __str__(self) -> str:
        return f"reading {self.device_id}@{self.rev}"


class Rollup(models.Model):
    """A device's readings of one bucket of time, all its metrics together (devices.history.rules.rollups)."""

    pk = models.CompositePrimaryKey("device", "level", "begin_ms")
    device = models.ForeignKey(Device, models.CASCADE, db_index=False, related_name="rollups")
    level = models.PositiveSmallIntegerField()  # index in devices.history.rules.rollups.LEVELS_MS
    begin_ms = models.BigIntegerField()  # Unix ms; a multiple of the level's width
    readings = models.PositiveIntegerField()  # how many it was made of
    packed = models.BinaryField()  # devices.history.rules.rollups.pack

    def __str__(self) -> str:
        return f"rollup {self.level} of {self.device_id} from {self.begin_ms}"


class RollupState(models.Model):
    """How far a device is rolled up; written with the rows.

    All readings with revs up to ``rev`` have a ``ts`` before ``until_ms``, and are in the rows of all buckets that end
    by then. No other reading is in any row.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="rollup_state")
    rev = models.BigIntegerField()
    until_ms = models.BigIntegerField()  # Unix ms
    since_ms = models.BigIntegerField()  # Unix ms: of what was before, some was purged unrolled; 0: nothing was

    def __str__(self) -> str:
        return f"device {self.device_id} is rolled up to {self.rev}"


class Event(models.Model):
    """Something that happened at a device."""

    device = models.ForeignKey(Device, models.CASCADE, db_index=False, related_name="events")
    rev = models.BigIntegerField()
    name = models.CharField(max_length=64)
    data = JSONTextField()
    ts = models.BigIntegerField()  # Unix ms

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "rev"], name="one_event_per_rev")]

    def __str__(self) -> str:
        return f"event {self.name} {self.device_id}@{self.rev}"


class Quarantined(models.Model):
    """A message of a known device, or of a source, whose content was wrong, kept with the reason."""

    device = models.ForeignKey(Device, models.CASCADE, null=True, related_name="quarantined")  # null: the source's
    # Where ``device`` is null: a device key, the name of its site, and bridge.shards.device_hash of it.
    source = models.CharField(max_length=129, default="", db_default="")
    site = models.CharField(max_length=64, default="", db_default="")
    hash = models.PositiveBigIntegerField(null=True)
    topic = models.TextField()
    payload = models.BinaryField()  # at most the first 256 KiB
    truncated = models.BooleanField(default=False)  # then it can't be replayed
    qos = models.PositiveSmallIntegerField()
    retain = models.BooleanField()
    received_ms = models.BigIntegerField()  # Unix ms, at the gateway
    reason = models.CharField(max_length=32)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "quarantine"
        indexes = [models.Index(fields=["received_ms"])]

    def __str__(self) -> str:
        return f"{self.topic}: {self.reason}"

    @property
    def owner(self) -> str:
        """The key of whose it is."""
        return self.source if self.device is None else self.device.key
