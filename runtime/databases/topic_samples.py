"""A table of what happened on topics, sampled: one row a topic and reason, the latest so many of each writer."""

from collections.abc import Iterable
from typing import Any, Protocol

from django.db import models


class Sample(Protocol):
    """What is added to a row."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def last_ms(self) -> int: ...  # noqa: D102
    @property
    def payload(self) -> bytes: ...  # noqa: D102


class TopicSample(models.Model):
    """Subclass it, with a unique constraint on writer, topic and reason."""

    writer = models.CharField(max_length=128)
    topic = models.CharField(max_length=300)
    reason = models.CharField(max_length=32)
    count = models.BigIntegerField(default=0)
    first_ms = models.BigIntegerField()  # Unix ms
    last_ms = models.BigIntegerField(db_index=True)  # Unix ms
    payload = models.BinaryField()  # the beginning of the last one's

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.reason}: {self.topic}"


def record(model: type[Any], writer: str, samples: Iterable[Sample], most: int) -> None:
    """Add them to the writer's rows, and keep the latest ``most`` of those. For use in a transaction."""
    found = {(one.topic, one.reason[:32]): one for one in samples}
    own = model.objects.filter(writer=writer)
    known = {(row.topic, row.reason): row for row in own.filter(topic__in={topic for topic, _ in found})}
    for key, one in found.items():
        if row := known.get(key):
            row.count, row.last_ms, row.payload = row.count + one.count, one.last_ms, one.payload
    changed = [row for key, row in known.items() if key in found]
    model.objects.bulk_update(changed, ["count", "last_ms", "payload"])
    new = [
        model(
            writer=writer,
            topic=topic,
            reason=reason,
            count=one.count,
            first_ms=one.last_ms,
            last_ms=one.last_ms,
            payload=one.payload,
        )
        for (topic, reason), one in found.items()
        if (topic, reason) not in known
    ]
    model.objects.bulk_create(new, ignore_conflicts=True)
    if new:
        outdated = own.order_by("-last_ms", "-pk").values_list("pk", flat=True)[most : most + len(new) + 100]
        model.objects.filter(pk__in=list(outdated)).delete()
