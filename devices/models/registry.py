"""Which devices there are."""

from django.db import models

from devices.models.access import Site


class Device(models.Model):
    """A device by its key ``site/device``. Its state is in its Twin."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="devices")
    key = models.CharField(max_length=129, unique=True)
    hash = models.PositiveBigIntegerField()  # bridge.shards.device_hash(key): shard = hash % shards
    stale_after_s = models.PositiveIntegerField(null=True, blank=True)  # empty: the setting STALE_AFTER_S
    mqtt_password = models.CharField(max_length=255, blank=True)  # Mosquitto's $7$ hash; empty: none given
    created_at = models.DateTimeField(auto_now_add=True)

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
