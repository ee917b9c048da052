"""Alert rules, the alerts that they have raised, and what of both must outlast a restart of their worker."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from devices.models.fields import JSONTextField
from devices.rules.actors import MAX_ACTOR_CHARS
from runtime.database_clock import now

RESOLVED = "resolved"


class AlertRule(models.Model):
    """A rule as it is now. Written by REST and the command load_alert_rules."""

    name = models.CharField(max_length=200)
    site = models.CharField(max_length=64)  # of its scope; "": all
    rule = JSONTextField()  # a devices.rules.alerts.rule.Rule
    version = models.PositiveIntegerField(default=1)
    judged_as = models.PositiveIntegerField(default=1)  # the version since which it judges as it does now
    changed_ms = models.BigIntegerField(db_index=True)  # Unix ms; unlike any other row's, higher with each change
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS)  # an Actor, as the next one
    changed_by = models.CharField(max_length=MAX_ACTOR_CHARS)

    def __str__(self) -> str:
        return f"alert rule {self.name}"


class AlertRuleVersion(models.Model):
    """What a rule said in one version, and who said so. Stays when the rule is deleted."""

    number = models.BigIntegerField()  # AlertRule.pk
    version = models.PositiveIntegerField()
    rule = JSONTextField()
    author = models.CharField(max_length=MAX_ACTOR_CHARS)
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["number", "version"], name="one_row_per_version_of_a_rule")]

    def __str__(self) -> str:
        return f"version {self.version} of alert rule {self.number}"


class Alert(models.Model):
    """One raise of a rule at a device, written by the device's worker in the transaction of what raised it.

    It outlives the rule, and the device.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    rule = models.BigIntegerField()  # AlertRule.pk
    rule_name = models.CharField(max_length=200)
    device = models.CharField(max_length=129)  # key
    site = models.CharField(max_length=64)
    hash = models.PositiveBigIntegerField()  # as Device.hash
    state = models.CharField(max_length=12)  # a devices.rules.alerts.alert.AlertState
    severity = models.CharField(max_length=8)
    kind = models.CharField(max_length=12)  # of the rule's condition: a devices.rules.alerts.rule.Kind
    metric = models.CharField(max_length=128)  # "": of none, or of several
    note = models.TextField()  # the rule's
    count = models.PositiveIntegerField(default=1)  # raises
    value = JSONTextField(default=None)  # at the latest raise
    raised_ms = models.BigIntegerField()  # Unix ms, as all of these
    cleared_ms = models.BigIntegerField(null=True)
    snoozed_ms = models.BigIntegerField(null=True)  # until then
    acknowledged_by = models.CharField(max_length=MAX_ACTOR_CHARS, default="")
    assignee = models.CharField(max_length=150, default="")
    comments = JSONTextField(default=list)  # devices.rules.alerts.alert.Comment
    inhibited_by = models.CharField(max_length=36, default="")  # another alert's id, which says more
    commit = models.BigIntegerField(default=0, db_index=True)  # number of the transaction that brought its latest step

    class Meta:
        indexes = [
            models.Index(fields=["raised_ms", "id"], name="alerts_by_time"),
            models.Index(fields=["device", "raised_ms"], name="alerts_of_a_device"),
            models.Index(fields=["hash"], condition=~Q(state=RESOLVED), name="open_alerts"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_name} at {self.device}"


class AlertProgress(models.Model):
    """How far a rule is at a device, where it is anywhere: pending, firing, or flapping of late."""

    rule = models.BigIntegerField()  # AlertRule.pk
    judged_as = models.PositiveIntegerField()  # the version of the rule; of another one it is worth nothing
    device = models.CharField(max_length=129)  # key
    hash = models.PositiveBigIntegerField()
    kept = JSONTextField()  # a devices.rules.alerts.observations.Kept
    alert = models.UUIDField(null=True)  # the one that fires

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "device"], name="one_progress_per_rule_and_device")]
        indexes = [models.Index(fields=["hash"], name="progress_by_hash")]

    def __str__(self) -> str:
        return f"rule {self.rule} at {self.device}"
