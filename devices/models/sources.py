"""What dialects remember of sources (bridge.dialects.dialect), written only by the shard workers; and their logins."""

from typing import Final

from django.db import models

from devices.models.fields import JSONTextField

MAX_FILTER_CHARS: Final = 500  # of a topic filter that a source wants


class Source(models.Model):
    """The state of one source in one dialect, changed in the transaction of what its messages did to devices.

    A source whose dialect has no state has no row: none of Causeway's own dialect has.
    """

    key = models.CharField(max_length=129)  # site/source
    dialect = models.CharField(max_length=64)  # its name in bridge.dialects.registry
    hash = models.PositiveBigIntegerField()  # bridge.shards.device_hash(key): shard = hash % shards
    revision = models.IntegerField()  # of the dialect that wrote the state
    model = JSONTextField(default=None)  # State.model: what the source is; changes seldom, up to 4 MiB
    live = JSONTextField(default=None)  # State.live: small, often changes
    wake_ms = models.BigIntegerField(default=0)  # Unix ms; by then it has to be asked what is due; 0: never
    filter_count = models.PositiveIntegerField(default=0)  # of its rows in SourceFilter
    written_ms = models.BigIntegerField(default=0)  # Unix ms; when the state last changed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "dialect"], name="one_state_per_source_and_dialect")]

    def __str__(self) -> str:
        return f"{self.key} by {self.dialect}"


class SourceFilter(models.Model):
    """A topic filter that follows from what a source said: its gateways subscribe to it.

    The fields are those of bridge.dialects.dialect.Filter. Changed with the source's state, in one transaction.
    """

    source = models.CharField(max_length=129)  # Source.key
    dialect = models.CharField(max_length=64)  # Source.dialect
    topic_filter = models.CharField(max_length=MAX_FILTER_CHARS)
    qos = models.PositiveSmallIntegerField()
    keep = models.BooleanField()
    retained = models.CharField(max_length=6)  # news | always | never
    big = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "dialect", "topic_filter"], name="one_row_per_wanted_filter")
        ]

    def __str__(self) -> str:
        return f"{self.topic_filter} for {self.source}"


class DialectLogin(models.Model):
    """A login at the broker that may speak one dialect at one site (manage.py provision_device --dialect)."""

    key = models.CharField(max_length=129, unique=True)  # site/name: its user name, a colon as %3A
    dialect = models.CharField(max_length=64)  # as the setting DIALECTS calls it
    mqtt_password = models.CharField(max_length=255)  # Mosquitto's $7$ hash

    def __str__(self) -> str:
        return f"{self.key} for {self.dialect}"
