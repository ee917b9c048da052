"""Which devices there are."""

from typing import ClassVar, Final

from django.db import models

from devices.models.access import Site

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
    stale_after_s = models.PositiveIntegerField(null=True, blank=True)  # empty: the setting STALE_AFTER_S
    mqtt_password = models.CharField(max_length=255, blank=True)  # Mosquitto's $7$ hash; empty: none given
    created_at = models.DateTimeField(auto_now_add=True)

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


class RetiredKey(models.Model):
    """Where the revs of a deleted device stopped: its successor goes on from there."""

    key = models.CharField(max_length=129, unique=True)
    rev = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.key} at {self.rev}"
