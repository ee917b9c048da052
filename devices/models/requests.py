"""What people and programs ask of devices: stored first, then carried out by the device's shard worker."""

import uuid

from django.conf import settings
from django.db import models

from devices.models.fields import JSONTextField
from devices.models.registry import Device
from devices.rules.actors import MAX_ACTOR_CHARS
from devices.rules.commands import UNFINISHED
from runtime.database_clock import now


class Command(models.Model):
    """A command and its way; the lifecycle is devices.rules.commands."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="commands")
    name = models.CharField(max_length=64)
    args = JSONTextField()
    status = models.CharField(max_length=16, default="accepted")
    timeline = JSONTextField()  # [{"status": …, "at_ms": Unix ms, …}], oldest first
    result = JSONTextField(default=None)  # what the device sent with its ack
    reason = models.TextField(blank=True)  # why rejected, failed, …
    way = JSONTextField(default=None, null=True)  # devices.worker.rules.ways.Way; null: in Causeway's own dialect
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS, default="", db_default="")  # an Actor; "": not known
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")  # the actor's
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001  null: not unique
    commit = models.BigIntegerField(default=0)  # ShardState.commit of the transaction that told its latest step

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "idempotency_key"], name="one_command_per_idempotency_key"),
        ]
        indexes = [
            models.Index(fields=["status", "expires_at"]),
            models.Index(fields=["device", "created_at"]),
            models.Index(fields=["commit"]),
            # Counted whenever a command is stored; most are over.
            models.Index(fields=["device"], condition=models.Q(status__in=UNFINISHED), name="unfinished_commands"),
        ]

    def __str__(self) -> str:
        return f"command {self.name} {self.id}: {self.status}"


class Request(models.Model):
    """A change of a device that only its shard worker may make. ``pending`` → ``settled`` | ``withdrawn``.

    kind and body:
        desired  {"patch": {…}, "if_version": n | null}   result {"version": n, "desired": {…}}
        tags     {"tags": ["…"]}                          result {"tags": […]}
        settings {"stale_after_s": n | null}              result {"stale_after_s": n | null}
        description {"words": {…}, "if_version": n | null}  result {"version": n, "description": {…}}
        metric   {"remove": "…"}                          result {}
        delete   {"clear_retained": false | true}         result {}
        register {} | {"made": true}                      result {}   (the device row and twin exist; made: already,
                                                                       when nobody worked on its shard)
        alert    {"alert": id, "at": …, …}                result: the alert   (devices.rules.alerts.alert.Asked)
        cancel   {"command_id": "…"}                      result {}   (conflict when it was over already)
        replay   {"quarantined_id": n}                    result {"outcome": …, "reason": …, "detail": …}
        block, unblock  {}                                result {}   (of the key, whether or not a device has it)
        ingest   {"topic": …, "payload": base64, "received_ms": n, "digest": …}   result as of replay
        describe {"devices": ["…"], …}                    result {}   (what a worker asks itself: link/later.py)
        delete_many     {"keys": […]}                     result {"deleted": n}   (``device_key`` is the first of them)
    Any result may instead be {"error": <a code of docs/websocket.md>, "message": …}.
    """

    class Status(models.TextChoices):
        """Compare-and-set on this column decides between the worker and an asker who gave up."""

        PENDING = "pending"
        SETTLED = "settled"
        WITHDRAWN = "withdrawn"

    device_key = models.CharField(max_length=129)
    hash = models.PositiveBigIntegerField()  # bridge.shards.device_hash(device_key)
    kind = models.CharField(max_length=16)
    body = JSONTextField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    result = JSONTextField(default=None)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS, default="", db_default="")  # an Actor; "": not known
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001  null: not unique

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device_key", "idempotency_key"], name="one_request_per_idempotency_key"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(status="pending"), name="pending_requests"),
            models.Index(fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"request {self.kind} of {self.device_key}: {self.status}"


class Import(models.Model):
    """A file of readings or events that is imported, once: whoever imports it again goes on where that ended."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hex, of the file and how it is read
    name = models.CharField(max_length=200)  # the file's
    begun_ms = models.BigIntegerField()  # Unix ms on the database's clock
    created_by = models.CharField(max_length=MAX_ACTOR_CHARS)  # an Actor

    def __str__(self) -> str:
        return f"import of {self.name}"


class ImportPosition(models.Model):
    """How far an import has come at a device; written in the transaction that stores the rows."""

    file = models.ForeignKey(Import, models.CASCADE, db_index=False, related_name="positions")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    since_rev = models.BigIntegerField()  # the device's rev before: up to it, it may have had the same
    upto = models.BigIntegerField()  # of the file's records; all of the device's up to it have taken effect

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "device"], name="one_position_per_import")]

    def __str__(self) -> str:
        return f"import {self.file_id} at {self.device_id}: {self.upto}"


class ImportPiece(models.Model):
    """Some of an import's records, all of one shard's devices. ``manage.py import`` inserts, workers carry out."""

    file = models.ForeignKey(Import, models.CASCADE, related_name="pieces")
    hash = models.PositiveBigIntegerField()  # bridge.shards.device_hash of one of the devices
    payload = models.BinaryField()  # devices.requests.imports.pack; empty once it is done
    is_done = models.BooleanField(default=False)
    result = JSONTextField(default=None)  # devices.requests.imports.Result, once it is done

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(is_done=False), name="pending_import_pieces")]

    def __str__(self) -> str:
        return f"piece {self.pk} of import {self.file_id}"
