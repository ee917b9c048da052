"""The API of boards: screens on walls, with viewer's rights until they are revoked."""

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices import models
from devices.requests.refusals import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import ALL_SITES, Access
from devices.web.people.checks import MAX_BOARDS, name_error, path_error
from devices.web.people.links import new_link
from devices.web.people.preferences import as_json, check_zone
from devices.web.people.schemas import BoardIn, BoardLink, Boards

router = Router(tags=["boards"])


@router.get("/boards", response=Boards)
def list_boards(request: HttpRequest) -> HttpResponse:
    """All boards of the sites that you are admin of. At most 1,000, all at once."""
    who = access(request)
    rows = models.Board.objects.select_related("site").order_by("name", "pk")
    return json_response({"items": [_board_json(row) for row in rows if _may_manage(who, row)], "next": None})


@router.post("/boards", response={201: BoardLink})
def create_board(request: HttpRequest, payload: BoardIn) -> HttpResponse:
    """Make a board. Needs the role admin at its site; without a site, at all sites.

    Open the link in the board's browser within seven days. It is good for one browser.
    """
    who = access(request)
    site = _site(who, payload.site)
    for field, error in (("name", name_error(payload.name)), ("path", path_error(payload.path))):
        if error:
            raise BadRequestError(f"{field}: {error}")
    check_zone(payload.time_zone)
    row = models.Board(
        name=payload.name,
        site=site,
        path=payload.path,
        theme=payload.theme,
        language=payload.language or "",
        time_zone=payload.time_zone or "",
        created_by=str(who.actor),
    )
    link = new_link(request, row)
    with transaction.atomic():
        models.Installation.objects.select_for_update().first()  # one at a time counts
        if models.Board.objects.count() >= MAX_BOARDS:
            raise ConflictError(f"there are {MAX_BOARDS} boards, which is the most; delete one first")
        row.save()
    return _with_link(row, link, HTTPStatus.CREATED)


@router.post("/boards/{int:board_id}/link", response=BoardLink)
def renew_link(request: HttpRequest, board_id: int) -> HttpResponse:
    """Make a new link for a board. The browser that it has is out within five seconds."""
    row = _row(access(request), board_id)
    link = new_link(request, row)
    row.save(update_fields=["digest", "link_expires_at"])
    return _with_link(row, link, HTTPStatus.OK)


@router.delete("/boards/{int:board_id}", response={204: None})
def delete_board(request: HttpRequest, board_id: int) -> HttpResponse:
    """Revoke a board. Its browser is out within five seconds, and its link good for nothing."""
    _row(access(request), board_id).delete()
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _site(who: Access, name: str | None) -> models.Site | None:
    """The site that the board is to see.

    Raises:
        NotFoundError: it is not visible.
        ForbiddenError: who asks is no admin there.
    """
    if name is None:
        if not who.may("boards.manage", ALL_SITES):
            raise ForbiddenError("a board of all sites needs the role admin at all sites; name a site instead")
        return None
    site = models.Site.objects.filter(name=name).first()
    if site is None or not who.sees(name):
        raise NotFoundError(f"there is no site {name[:64]}")
    if not who.may("boards.manage", name):
        raise ForbiddenError(f"this needs the role admin at site {name}; yours is {who.role_at(name)}")
    return site


def _row(who: Access, board_id: int) -> models.Board:
    rows = models.Board.objects.select_related("site")
    row = rows.filter(pk=board_id).first() if board_id < 2**63 else None
    if row is None or not _may_manage(who, row):
        raise NotFoundError("there is no such board at a site that you are admin of")
    return row


def _may_manage(who: Access, row: models.Board) -> bool:
    return who.may("boards.manage", row.site.name if row.site else ALL_SITES)


def _with_link(row: models.Board, link: str, status: int) -> HttpResponse:
    return json_response({**_board_json(row), "link": link}, status, Cache_Control="no-store")


def _board_json(row: models.Board) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "site": row.site.name if row.site else None,
        "path": row.path,
        **as_json(row),
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
        "link_expires_at": rfc3339(row.link_expires_at) if row.link_expires_at else None,
        "seen_at": rfc3339(row.seen_at) if row.seen_at else None,
    }
