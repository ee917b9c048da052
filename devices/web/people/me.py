"""The API of what is kept for the user who asks: preferences and saved views."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.extensions import pages
from devices.models import SavedView
from devices.requests.refusals import BadRequestError, ConflictError, NotFoundError
from devices.web.api.paging import json_response
from devices.web.api.security import person, somebody
from devices.web.api.times import rfc3339
from devices.web.auth import Access
from devices.web.people.checks import MAX_VIEWS, name_error, query_error
from devices.web.people.preferences import as_json, change_preferences, preferences_of
from devices.web.people.schemas import Preferences, PreferencesPatch, View, ViewIn, ViewPatch, Views

router = Router(tags=["me"])


@router.get("/me/preferences", response=Preferences)
def get_preferences(request: HttpRequest) -> HttpResponse:
    """How the user, or the board, wants the pages."""
    return json_response(as_json(preferences_of(somebody(request))))


@router.patch("/me/preferences", response=Preferences)
def patch_preferences(request: HttpRequest, payload: PreferencesPatch) -> HttpResponse:
    """Change how the user wants the pages."""
    changes: dict[str, str | None] = payload.dict(exclude_unset=True)
    return json_response(as_json(change_preferences(person(request), changes)))


@router.get("/me/views", response=Views)
def list_views(request: HttpRequest) -> HttpResponse:
    """The user's saved views, by page and name. At most 100, all at once."""
    rows = SavedView.objects.filter(user_id=person(request).user_id).order_by("page", "name")
    return json_response({"items": [_view_json(row) for row in rows], "next": None})


@router.post("/me/views", response={201: View})
def create_view(request: HttpRequest, payload: ViewIn) -> HttpResponse:
    """Save a view. 409: the page has one of this name, or there are 100."""
    who = person(request)
    _check(payload.name, payload.query)
    if payload.page not in pages.all():
        raise BadRequestError(f"page: {payload.page[:64]!r} is none of {', '.join(pages.all())}")
    with transaction.atomic():
        get_user_model().objects.select_for_update().filter(pk=who.user_id).first()  # one at a time counts
        if SavedView.objects.filter(user_id=who.user_id).count() >= MAX_VIEWS:
            raise ConflictError(f"you have {MAX_VIEWS} saved views, which is the most; delete one first")
        _refuse_taken(who, payload.page, payload.name)
        row = SavedView.objects.create(user_id=who.user_id, **payload.dict())
    return json_response(_view_json(row), HTTPStatus.CREATED)


@router.patch("/me/views/{int:view_id}", response=View)
def patch_view(request: HttpRequest, view_id: int, payload: ViewPatch) -> HttpResponse:
    """Rename a view, or have it show something else."""
    who = person(request)
    row = _row(who, view_id)
    name = row.name if payload.name is None else payload.name
    query = row.query if payload.query is None else payload.query
    _check(name, query)
    with transaction.atomic():
        get_user_model().objects.select_for_update().filter(pk=who.user_id).first()
        if name != row.name:
            _refuse_taken(who, row.page, name)
        row.name, row.query = name, query
        row.save(update_fields=["name", "query"])
    return json_response(_view_json(row))


@router.delete("/me/views/{int:view_id}", response={204: None})
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget a view."""
    _row(person(request), view_id).delete()
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _row(who: Access, view_id: int) -> SavedView:
    row = SavedView.objects.filter(user_id=who.user_id, pk=view_id).first() if view_id < 2**63 else None
    if row is None:
        raise NotFoundError("you have no such view")
    return row


def _check(name: str, query: str) -> None:
    for field, error in (("name", name_error(name)), ("query", query_error(query))):
        if error:
            raise BadRequestError(f"{field}: {error}")


def _refuse_taken(who: Access, page: str, name: str) -> None:
    if SavedView.objects.filter(user_id=who.user_id, page=page, name=name).exists():
        raise ConflictError(f"you have a view {name!r} of this page already")


def _view_json(row: SavedView) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "page": row.page,
        "query": row.query,
        "created_at": rfc3339(row.created_at),
    }
