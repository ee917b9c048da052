"""What has changed of a device, one by one, the latest first: its timeline, but for readings."""

from typing import Annotated, Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from msgspec import Raw, Struct
from ninja import Query, Router

from devices import models
from devices.requests.refusals import NotFoundError
from devices.rules.twin import ChangeKind
from devices.web.api.paging import Cursor, Limit, decode_cursor, encode_cursor, page, some_at_a_time
from devices.web.api.schemas import ChangePage
from devices.web.api.security import access
from devices.web.api.times import parse_ms, rfc3339_of_ms

router = Router(tags=["devices"])


class _Row(Struct, frozen=True):
    """A stored change; its patches not decoded."""

    commit: int
    nth: int
    at_ms: int
    rev: int | None
    kind: str
    patch: str  # JSON, as the next one
    undo: str
    actor: str


@router.get("/devices/{site}/{device}/changes", response=ChangePage)
def list_changes(
    request: HttpRequest,
    site: str,
    device: str,
    kind: Annotated[list[ChangeKind], Query([], description="only of these kinds; may be given several times")],
    since: Annotated[str | None, Query(None, description="from here on: Unix ms or RFC 3339")],
    until: Annotated[str | None, Query(None, description="before this: Unix ms or RFC 3339")],
    cursor: Cursor,
    limit: Limit,
) -> HttpResponse:
    """What has changed of the device within the retention time, the latest first, each with who asked for it.

    All but readings; of a device that was deleted, too.
    """
    key = f"{site}/{device}"
    access(request).require("devices.read", key)
    rows = models.Change.objects.filter(device=key)
    if not rows.exists() and not models.Device.objects.filter(key=key).exists():
        raise NotFoundError(f"there is no device {key}")
    if kind:
        rows = rows.filter(kind__in=kind)
    if since is not None:
        rows = rows.filter(at_ms__gte=parse_ms("since", since))
    if until is not None:
        rows = rows.filter(at_ms__lt=parse_ms("until", until))
    if cursor is not None:
        commit, nth = decode_cursor("changes", cursor, [int, int])
        rows = rows.filter(Q(commit__lt=commit) | Q(nth__lt=nth), commit__lte=commit)
    texts = rows.annotate(was=Cast("patch", TextField()), undone=Cast("undo", TextField())).order_by("-commit", "-nth")
    columns = texts.values_list("commit", "nth", "at_ms", "rev", "kind", "was", "undone", "actor")
    found = (_Row(*row) for row in some_at_a_time(columns, limit))
    return page(found, limit, _json, lambda row: encode_cursor("changes", row.commit, row.nth))


def _json(row: _Row) -> dict[str, Any]:
    return {
        "at": rfc3339_of_ms(row.at_ms),
        "rev": row.rev,
        "kind": row.kind,
        "patch": Raw(row.patch.encode()),
        "undo": Raw(row.undo.encode()),
        "actor": row.actor,
    }
