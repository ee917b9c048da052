"""What people want to hear on the broker, for the gateways that carry it out. config hands these functions over.

Synchronous: not for an event loop's thread.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from bridge.gateway_status import AskedListening, HeardNews
from devices.models import Heard, HeardMessage, Listening
from devices.models.listening import MAX_REASON_CHARS
from runtime.database_clock import unix_ms

_UNFINISHED = ("waiting", "listening")
_CLEANED = ("kind", "detail")  # parts of topics
_COLUMNS = ("count", "payload", "size", "retained", "last_ms", "dialect", "source", "reason")


def unfinished() -> Q:
    """Those that are, or are going to be, under way."""
    return Q(status__in=_UNFINISHED, until_ms__gt=unix_ms())


def take(gateway: str, running: Collection[int], most: int) -> list[AskedListening]:
    """Those that this gateway is to carry out from now on: nobody's, and its own of before it began anew.

    Args:
        gateway: its key.
        running: those that are under way there.
        most: no more than these.
    """
    mine = Listening.objects.filter(unfinished(), gateway__in=("", gateway)).exclude(pk__in=running).order_by("pk")
    return [
        AskedListening(
            number=one.pk, filters=tuple(one.filters or [one.topic_filter]), source=one.source, until_ms=one.until_ms
        )
        for one in mine[:most]
        if Listening.objects.filter(pk=one.pk, gateway=one.gateway).update(gateway=gateway)
    ]


def record(news: HeardNews) -> None:
    """Keep what was heard. One that is deleted meanwhile stays so."""
    with transaction.atomic():
        row = Listening.objects.filter(pk=news.number)
        reason = news.reason[:MAX_REASON_CHARS].replace("\0", "")
        figures = {"messages": news.messages, "more": news.more, "limited": news.limited}
        if not row.update(status=news.status, reason=reason, **figures):
            return
        rows = [
            Heard(listening_id=news.number, topic=one.topic, **{name: getattr(one, name) for name in _COLUMNS})
            for one in news.topics
        ]
        Heard.objects.bulk_create(
            rows, update_conflicts=True, update_fields=_COLUMNS, unique_fields=("listening", "topic")
        )
        _record_messages(news)


def _record_messages(news: HeardNews) -> None:
    if news.gone:
        HeardMessage.objects.filter(listening_id=news.number, number__in=news.gone).delete()
    if news.heard:
        columns = [name for name in news.heard[0].__struct_fields__ if name not in _CLEANED]
        rows = [
            HeardMessage(
                listening_id=news.number,
                **{name: getattr(one, name) for name in columns},
                **{name: getattr(one, name).replace("\0", "") for name in _CLEANED},
            )
            for one in news.heard
        ]
        HeardMessage.objects.bulk_create(rows, ignore_conflicts=True)
