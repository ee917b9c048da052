"""What people wanted to hear on the broker, and what was heard. The newest few are kept: mappings are tried on them."""

from django.db import models

from devices.models.fields import JSONTextField
from devices.rules.actors import MAX_ACTOR_CHARS

MAX_FILTER_CHARS = 500
MAX_TOPIC_CHARS = 500  # of one that is kept
MAX_REASON_CHARS = 300


class Listening(models.Model):
    """Somebody wants to hear some topics for some minutes; a gateway carries it out.

    With ``source``: what one source says (POST /api/v1/devices/…/messages), else all topics (POST /api/v1/listen).
    """

    topic_filter = models.CharField(max_length=MAX_FILTER_CHARS)
    filters = JSONTextField(default=None, null=True)  # [topic filter, …] in place of topic_filter; null: that alone
    source = models.CharField(max_length=129, default="", db_default="")  # a device key: its messages only, each kept
    asked_by = models.CharField(max_length=MAX_ACTOR_CHARS)
    asked_ms = models.BigIntegerField()  # Unix ms
    until_ms = models.BigIntegerField()  # Unix ms; it ends then
    gateway = models.CharField(max_length=128, default="")  # key of the one that carries it out; "": none yet
    status = models.CharField(max_length=10, default="waiting")  # waiting | listening | ended | refused
    reason = models.CharField(max_length=MAX_REASON_CHARS, default="")  # why it is refused, or has ended early
    messages = models.BigIntegerField(default=0)
    more = models.BigIntegerField(default=0)  # of these, on topics for which there was no room
    limited = models.BooleanField(default=False)  # there were more a second than are heard: some are left out

    def __str__(self) -> str:
        return f"{self.topic_filter}: {self.status}"


class Heard(models.Model):
    """A topic that was heard, with its last message: at most 200 of a listening."""

    listening = models.ForeignKey(Listening, models.CASCADE, related_name="heard")
    topic = models.CharField(max_length=MAX_TOPIC_CHARS)
    count = models.BigIntegerField()  # messages
    payload = models.BinaryField()  # of the last one, its first 4 KiB
    size = models.BigIntegerField()  # bytes of the whole
    retained = models.BooleanField()  # the broker had it before the listening began
    last_ms = models.BigIntegerField()  # Unix ms; when the last one came
    dialect = models.CharField(max_length=64, default="")  # who takes it; "": nobody
    source = models.CharField(max_length=129, default="")  # of which device, or of whom that speaks for several
    reason = models.CharField(max_length=64, default="")  # why nobody takes it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listening", "topic"], name="one_row_per_heard_topic")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.count}"


class HeardMessage(models.Model):
    """A message that a source sent while somebody looked: the last few of each topic, some hundred of a listening."""

    listening = models.ForeignKey(Listening, models.CASCADE, db_index=False, related_name="heard_messages")
    number = models.BigIntegerField()  # rises within the listening
    topic = models.CharField(max_length=MAX_TOPIC_CHARS)
    kind = models.TextField()  # this and the next two: as bridge.messages.Delivery's
    detail = models.TextField()
    dialect = models.CharField(max_length=64)
    payload = models.BinaryField()  # its first 4 KiB
    size = models.BigIntegerField()  # bytes of the whole
    retained = models.BooleanField()
    at_ms = models.BigIntegerField()  # Unix ms; when it came

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listening", "number"], name="one_row_per_heard_message")]

    def __str__(self) -> str:
        return f"{self.topic} #{self.number}"
