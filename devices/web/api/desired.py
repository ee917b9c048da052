"""A device's desired state. Its version is the ETag, so that two editors don't overwrite one another."""

from http import HTTPStatus
from typing import Annotated, Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Header, Router

from devices.requests.ask import ask
from devices.requests.refusals import ConflictError
from devices.rules.twin import load_value
from devices.web.api.conditions import tags_of, unmet
from devices.web.api.devices import visible_device
from devices.web.api.paging import json_response
from devices.web.api.problems import problem
from devices.web.api.schemas import Desired, MergePatch
from devices.web.api.security import access

router = Router(tags=["desired state"])

IfMatch = Annotated[
    str | None,
    Header(None, alias="If-Match", description="change only one of these versions; another one is answered with 412"),
]
IfNoneMatch = Annotated[
    str | None,
    Header(None, alias="If-None-Match", description="versions that you have: 304 when it is one of them (RFC 9110)"),
]


@router.get("/devices/{site}/{device}/desired", response=Desired)
def get_desired(request: HttpRequest, site: str, device: str, if_none_match: IfNoneMatch) -> HttpResponse:
    """The desired state; its version is also the ETag."""
    twin = load_value(visible_device(access(request), f"{site}/{device}", "devices.read").twin.doc)
    answer = _answer({"version": twin.desired_version, "desired": twin.desired.value})
    if if_none_match is not None and tags_of("If-None-Match", if_none_match).match_weakly(twin.desired_version):
        unchanged = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del unchanged["Content-Type"]
        unchanged["ETag"] = answer["ETag"]
        return unchanged
    return answer


@router.patch("/devices/{site}/{device}/desired", response=Desired)
async def set_desired(
    request: HttpRequest, site: str, device: str, payload: MergePatch, if_match: IfMatch, if_none_match: IfNoneMatch
) -> HttpResponse:
    """Merge a patch (RFC 7396) into the desired state. Needs the role operator.

    The device gets on its topic ``desired`` what its reported state still lacks, until it has it.
    """
    key, who = f"{site}/{device}", access(request)
    owner = await sync_to_async(visible_device)(who, key, "devices.desired")
    current = load_value(owner.twin.doc).desired_version
    wrong = unmet("desired", current, if_match, if_none_match)
    if wrong is not None:
        return _precondition_failed(wrong)
    conditional = if_none_match is not None or (if_match is not None and not tags_of("If-Match", if_match).any)
    version = current if conditional else None
    try:
        return _answer(await ask(key, "desired", {"patch": payload.root, "if_version": version}, actor=who.actor))
    except ConflictError as conflict:
        if version is None:
            raise
        return _precondition_failed(str(conflict))


def _precondition_failed(why: str) -> HttpResponse:
    return problem("conflict", why, status=HTTPStatus.PRECONDITION_FAILED)


def _answer(desired: dict[str, Any]) -> HttpResponse:
    return json_response(desired, ETag=f'"{desired["version"]}"')
