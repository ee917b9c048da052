"""Which devices there are."""

from typing import ClassVar, Final

from django.db import models

from devices.models.access import NAME_VALIDATOR, STALE_AFTER_VALIDATORS, Site
from devices.models.fields import JSONTextField
from devices.rules.actors import MAX_ACTOR_CHARS
from runtime.database_clock import now

DELETED_PREFIX: Final = "#"  # of keys; no device's key begins so


class _There(models.Manager["Device"]):
    def get_queryset(self) -> models.QuerySet["Device"]:
        return super().get_queryset().exclude(key__startswith=DELETED_PREFIX)


class _Deleted(models.Manager["Device"]):
    def get_queryset(self) -> models.QuerySet["Device"]:
        return super().get_queryset().filter(key__startswith=DELETED_PREFIX)


class Device(models.Model):
    """A device by its key ``site/device``. Its state is in its Twin.

    A deleted one has lost key, twin and commands at once; its row stays, without anybody seeing it, until its worker
    has removed its history, which may be long.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="devices")
    key = models.CharField(max_length=129, unique=True)
    hash = models.PositiveBigIntegerField()  # bridge.shards.device_hash(key): shard = hash % shards
    stale_after_s = models.PositiveIntegerField(null=True, blank=True)  # empty: its tags', its site's, STALE_AFTER_S
    mqtt_password = models.CharField(max_length=255, blank=True)  # Mosquitto's $7$ hash; empty: none given
    http_token = models.CharField(max_length=64, blank=True, default="", db_default="")  # SHA-256, hex; empty: none
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[_There] = _There()
    deleted: ClassVar[_Deleted] = _Deleted()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    @property
    def name(self) -> str:
        """The key's second part."""
        return self.key.split("/", 1)[1]


class DeviceTag(models.Model):
    """A tag of a device, as in its twin: for finding devices by tag. Written when tags change, which is seldom."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="tagged")
    tag = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "device"], name="one_row_per_tag_of_a_device")]

    def __str__(self) -> str:
        return f"{self.device}: {self.tag}"


class TagDefault(models.Model):
    """What holds for the devices of a site that have a tag, unless they have their own (rules.described.silence)."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="tag_defaults")
    tag = models.CharField(max_length=64, validators=[NAME_VALIDATOR])
    stale_after_s = models.PositiveIntegerField(validators=STALE_AFTER_VALIDATORS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "tag"], name="one_default_per_tag")]

    def __str__(self) -> str:
        return f"{self.tag} at {self.site}"


class BlockedKey(models.Model):
    """What is published under this key is nobody's, until it is unblocked. It need not be a device's."""

    key = models.CharField(max_length=129, unique=True)
    hash = models.PositiveBigIntegerField()  # as Device.hash
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS, default="", db_default="")  # an Actor; "": not known

    def __str__(self) -> str:
        return self.key


class RetiredKey(models.Model):
    """Where the revs of a deleted device stopped: its successor goes on from there."""

    key = models.CharField(max_length=129, unique=True)
    rev = models.BigIntegerField()
    clearing = JSONTextField(default=list, db_default=[])  # topic names where the broker may still retain something

    def __str__(self) -> str:
        return f"{self.key} at {self.rev}"
