"""Handlers of apps: which there are, how far each is, and what it keeps, holds and has still to do."""

from django.db import models

from devices.models.fields import JSONTextField

MAX_NAME_CHARS = 100
MAX_WHY_CHARS = 300


class Handler(models.Model):
    """A handler (devices.handlers.registry), as run_handlers has last found it in the code of the apps.

    While there is one whose state is running or paused, the log of readings is written.
    """

    name = models.CharField(max_length=MAX_NAME_CHARS, primary_key=True)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=8, default="running")  # running | paused | gone: it is in no app any more
    since_ms = models.BigIntegerField()  # Unix ms on the database's clock; when the state became so
    kind = models.CharField(max_length=12)  # of its items: a name in devices.handlers.items.KINDS
    on_failure = models.CharField(max_length=11)  # park | dead_letter
    full_ms = models.BigIntegerField(default=0)  # Unix ms; since when too much waits, so it takes no more; 0: it does

    def __str__(self) -> str:
        return f"handler {self.name}: {self.state}"


class HandlerRunner(models.Model):
    """A process that runs a handler, as long as it lives: the living share the handler's shards evenly."""

    handler = models.ForeignKey(Handler, models.CASCADE, related_name="runners", db_index=False)
    owner = models.CharField(max_length=128)  # host, process and a number, as in HandlerCursor.owner
    beat_ms = models.BigIntegerField()  # Unix ms on the database's clock; renewed every second

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handler", "owner"], name="one_row_per_handler_and_runner")]

    def __str__(self) -> str:
        return f"{self.owner} runs {self.handler_id}"


class HandlerCursor(models.Model):
    """How far a handler is in a shard, and who carries it on. Moved in the transaction of what the handler did."""

    handler = models.ForeignKey(Handler, models.CASCADE, related_name="cursors", db_index=False)
    shard = models.PositiveIntegerField()
    commit = models.BigIntegerField(default=0)  # all up to this place in the shard's log is handled
    done = JSONTextField(default=list)  # keys of the items past it that are handled, too
    begin = models.CharField(max_length=20, blank=True)  # now | beginning | Unix ms: commit is still to be set by that
    generation = models.BigIntegerField(default=0)  # raised by whoever takes it; the former owner is then fenced
    owner = models.CharField(max_length=128, blank=True)  # a HandlerRunner's; empty: nobody's
    beat_ms = models.BigIntegerField(default=0)  # Unix ms on the database's clock; the lease lasts LEASE_MS from it
    handled = models.BigIntegerField(default=0)  # items, since it began
    failures = models.BigIntegerField(default=0)  # since it began
    failed_ms = models.BigIntegerField(default=0)  # Unix ms; the latest
    why = models.CharField(max_length=MAX_WHY_CHARS, blank=True)  # of the latest
    batch = models.PositiveIntegerField(default=0)  # at most so many items in the next try; 0: as many as usual
    suspect = models.CharField(max_length=200, blank=True)  # key of the item at which the process had to be killed
    too_far_ms = models.BigIntegerField(default=0)  # Unix ms; since when the log no longer reaches back to it; 0: does

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handler", "shard"], name="one_cursor_per_handler_and_shard")]

    def __str__(self) -> str:
        return f"{self.handler_id} in shard {self.shard}: {self.commit}"


class HandlerDevice(models.Model):
    """What a handler keeps of a device, and whether the device is parked: its items wait, others go on."""

    handler = models.ForeignKey(Handler, models.CASCADE, related_name="devices", db_index=False)
    device = models.CharField(max_length=129)  # key; what is kept outlives the device
    state = JSONTextField(default=dict)  # what the handler keeps
    parked_ms = models.BigIntegerField(default=0)  # Unix ms; since when; 0: it is not parked
    retry_ms = models.BigIntegerField(default=0)  # Unix ms; when the first of its items is tried next
    attempts = models.PositiveIntegerField(default=0)  # of that item
    why = models.CharField(max_length=MAX_WHY_CHARS, blank=True)  # it failed last
    left_out = models.BigIntegerField(default=0)  # items that were to wait here, and were too many
    left_out_ms = models.BigIntegerField(default=0)  # Unix ms; since when all that comes is left out; 0: it is not

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handler", "device"], name="one_row_per_handler_and_device")]
        indexes = [models.Index(fields=["handler"], condition=models.Q(parked_ms__gt=0), name="parked_devices")]

    def __str__(self) -> str:
        return f"{self.device} for {self.handler_id}"


class HandlerItem(models.Model):
    """An item that waits at a parked device, in the order of ``id``; or one that was given up: a dead letter."""

    handler = models.ForeignKey(Handler, models.CASCADE, related_name="items", db_index=False)
    device = models.CharField(max_length=129)  # key
    kind = models.CharField(max_length=12)  # a name in devices.handlers.items.KINDS
    item = JSONTextField()  # its fields
    dead = models.BooleanField(default=False)
    why = models.CharField(max_length=MAX_WHY_CHARS, blank=True)  # a dead one failed last
    at_ms = models.BigIntegerField()  # Unix ms; when it was put here

    class Meta:
        indexes = [models.Index(fields=["handler", "device", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device} for {self.handler_id}"


class HandlerTask(models.Model):
    """What a handler wants to be done after its transaction (``tx.later``): at least once."""

    handler = models.ForeignKey(Handler, models.CASCADE, related_name="tasks", db_index=False)
    task = models.CharField(max_length=200)  # module:function
    args = JSONTextField()  # [argument, …]
    made_ms = models.BigIntegerField()  # Unix ms
    due_ms = models.BigIntegerField()  # Unix ms; when it is (next) to be done, or to be found not to have been
    attempts = models.PositiveIntegerField(default=0)
    dead = models.BooleanField(default=False)  # given up
    why = models.CharField(max_length=MAX_WHY_CHARS, blank=True)  # it failed last

    class Meta:
        indexes = [
            models.Index(fields=["due_ms"], condition=models.Q(dead=False), name="tasks_to_be_done"),
            models.Index(fields=["handler"]),
        ]

    def __str__(self) -> str:
        return f"{self.task} for {self.handler_id}"
