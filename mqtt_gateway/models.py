"""Tables of the broker bank; only gateway processes write them."""

from typing import Any, ClassVar

from django.db import models


class GatewayProcess(models.Model):
    """What a gateway last said about itself: every 2 s and at each change of its broker link."""

    client_id = models.CharField(max_length=128, primary_key=True)  # MQTT
    epoch = models.BigIntegerField(default=0)  # of the newest connection; raised at every CONNACK, never lowered
    instance = models.CharField(max_length=128, blank=True)  # which process: "host:pid:start in Unix ms"
    broker_up = models.BooleanField(default=False)
    since_ms = models.BigIntegerField(default=0)  # Unix ms; since when broker_up is what it is
    beat_ms = models.BigIntegerField(default=0)  # Unix ms; older than 6 s: the process is gone
    counters = models.JSONField(default=dict)  # mqtt_gateway.counters.Counters; they go on over restarts

    def __str__(self) -> str:
        return f"{self.client_id}: broker {'up' if self.broker_up else 'down'}"


class BrokerSession(models.Model):
    """What we believe one broker's session under one client id to be subscribed to."""

    client_id = models.CharField(max_length=128)
    broker = models.CharField(max_length=300)  # host:port
    filters: Any = models.JSONField(default=dict)  # topic filter → True once the broker has confirmed it

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["client_id", "broker"], name="one_session_per_broker")]

    def __str__(self) -> str:
        return f"{self.client_id} at {self.broker}"
