"""Tables of the broker bank; only gateway processes write them."""

from typing import Any, ClassVar

from django.db import models

from runtime.databases.topic_samples import TopicSample


class GatewayProcess(models.Model):
    """What a gateway last said about itself: every 2 s and at each change of its broker link.

    One row for each MQTT client id that a gateway ever had; batches and cursors call it by ``key``, people by ``name``.
    """

    key = models.CharField(max_length=128, primary_key=True, db_column="client_id")  # never used again for another id
    name = models.CharField(max_length=64, db_default="")  # GATEWAY_NAME; "": not started since there are names
    client_id = models.CharField(max_length=128, db_default="", db_column="mqtt_client_id")  # a secret, shown nowhere
    tag = models.CharField(max_length=32, db_default="")  # in the markers of this name, to tell them from a stranger's
    switch = models.CharField(max_length=40, db_default="")  # the marker before which a former session counts, not ours
    retired = models.BooleanField(db_default=False)  # its session is drained, another row has its place
    epoch = models.BigIntegerField(default=0)  # of the newest connection; raised at every CONNACK, never lowered
    instance = models.CharField(max_length=128, blank=True)  # which process: "host:pid:start in Unix ms"
    broker_up = models.BooleanField(default=False)
    since_ms = models.BigIntegerField(default=0)  # Unix ms; since when broker_up is what it is
    # Unix ms on the database's clock; the process's lease on the client id lasts LEASE_MS from it. 0: given up.
    beat_ms = models.BigIntegerField(default=0)
    drained_ms = models.BigIntegerField(default=0)  # Unix ms; all that the broker had before is committed
    counters = models.JSONField(default=dict)  # mqtt_gateway.rules.counters.Counters; they go on over restarts

    def __str__(self) -> str:
        return f"{self.name or self.key}: broker {'up' if self.broker_up else 'down'}"


class BrokerSession(models.Model):
    """What we believe one broker's session under one client id to be subscribed to."""

    gateway = models.CharField(max_length=128, db_column="client_id")  # GatewayProcess.key
    broker = models.CharField(max_length=300)  # host:port
    session = models.BigIntegerField(default=0)  # the epoch that began the session: its name in batches
    filters: Any = models.JSONField(default=dict)  # topic filter → True once the broker has confirmed it

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["gateway", "broker"], name="one_session_per_broker")]

    def __str__(self) -> str:
        return f"{self.gateway} at {self.broker}"


class Incident(models.Model):
    """Something that may have cost messages and that only the broker knows more about: told to operators."""

    kind = models.CharField(max_length=24)  # mqtt_gateway.process.incidents
    gateway = models.CharField(max_length=128)  # its name
    since_ms = models.BigIntegerField()  # Unix ms; messages may be missing from then on
    until_ms = models.BigIntegerField()  # Unix ms; up to then
    count = models.BigIntegerField(default=1)  # messages where they are counted, else how often
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["until_ms"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.gateway}"


class Rejected(TopicSample):
    """Messages that a gateway rejected; ``writer`` is its name."""

    class Meta(TopicSample.Meta):
        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["writer", "topic", "reason"], name="one_rejected_per_gateway_topic")
        ]
