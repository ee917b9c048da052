"""What operators look at, over HTTP: the ledger, and the overview that the page /ops shows."""

from typing import Annotated, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, json_response, page
from devices.web.api.quarantine import as_text
from devices.web.api.security import access
from devices.web.api.times import rfc3339_of_ms
from devices.web.auth import Access
from devices.web.operations.ledger import read_ledger
from devices.web.operations.observer import latest
from devices.web.operations.overview import read_overview
from devices.web.operations.rejected import RejectedTopic, read_rejected
from devices.web.operations.schemas import Ledger, Overview, RejectedPage

router = Router(tags=["operations"])


@router.get("/ledger", response=Ledger)
def get_ledger(request: HttpRequest) -> HttpResponse:
    """What became of every delivery by the broker, over all sites. Needs any role."""
    access(request)
    return json_response(read_ledger())


@router.get("/rejected", response=RejectedPage)
def list_rejected(
    request: HttpRequest,
    topic: Annotated[str | None, Query(None, description="a part of the topic")],
    reason: Annotated[str | None, Query(None)],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """What was nobody's, by topic and reason, the latest first: samples; the ledger has all counts.

    Of the sites that you may see; topics that are of no site are for those who see all.
    """
    who, root = access(request), settings.DEVICES.topic_root
    found = read_rejected(lambda name: _is_visible(who, root, name), topic, reason)
    if cursor is not None:
        last_ms, place = decode_cursor("rejected", cursor, [int, str])
        found = [one for one in found if (-one.last_ms, one.place) > (-last_ms, place)]
    return page(found, limit, _rejected_json, lambda one: encode_cursor("rejected", one.last_ms, one.place))


def _is_visible(who: Access, root: str, topic: str) -> bool:
    levels = topic.split("/")
    return who.sees_all or (levels[0] == root and len(levels) > 1 and who.sees(levels[1]))


def _rejected_json(one: RejectedTopic) -> dict[str, Any]:
    text, encoding = as_text(one.payload)
    return {
        "topic": one.topic,
        "reason": one.reason,
        "count": one.count,
        "gateway": one.gateway,
        "first_at": rfc3339_of_ms(one.first_ms),
        "last_at": rfc3339_of_ms(one.last_ms),
        "payload": text,
        "encoding": encoding,
    }


@router.get("/ops", response=Overview)
async def get_ops(request: HttpRequest) -> HttpResponse:
    """What works, who works on what, the ledger and incidents, over all sites. Needs any role."""
    access(request)
    return json_response(await sync_to_async(read_overview)(await latest()))
