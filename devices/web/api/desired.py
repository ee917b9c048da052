"""A device's desired state. Its version is the ETag, so that two editors don't overwrite one another."""

from http import HTTPStatus
from typing import Annotated, Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Header, Router

from devices.requests.ask import ask
from devices.requests.refusals import BadRequestError, ConflictError
from devices.rules.twin import load_value
from devices.web.api.devices import visible_device
from devices.web.api.paging import json_response
from devices.web.api.problems import problem
from devices.web.api.schemas import Desired, MergePatch
from devices.web.api.security import access

router = Router(tags=["desired state"])

IfMatch = Annotated[
    str | None,
    Header(None, alias="If-Match", description="change only this version; another one is answered with 412"),
]


@router.get("/devices/{site}/{device}/desired", response=Desired)
def get_desired(request: HttpRequest, site: str, device: str) -> HttpResponse:
    """The desired state; its version is also the ETag."""
    twin = load_value(visible_device(access(request), f"{site}/{device}", "devices.read").twin.doc)
    return _answer({"version": twin.desired_version, "desired": twin.desired.value})


@router.patch("/devices/{site}/{device}/desired", response=Desired)
async def set_desired(
    request: HttpRequest, site: str, device: str, payload: MergePatch, if_match: IfMatch
) -> HttpResponse:
    """Merge a patch (RFC 7396) into the desired state. Needs the role operator.

    The device gets on its topic ``desired`` what its reported state still lacks, until it has it.
    """
    key, who = f"{site}/{device}", access(request)
    await sync_to_async(visible_device)(who, key, "devices.desired")
    version = None if if_match is None else version_of(if_match)
    try:
        return _answer(await ask(key, "desired", {"patch": payload.root, "if_version": version}, actor=who.actor))
    except ConflictError as conflict:
        if version is None:
            raise
        return problem("conflict", str(conflict), status=HTTPStatus.PRECONDITION_FAILED)


def version_of(if_match: str) -> int | None:
    """The version in an If-Match header: ``"3"``, or just ``3``; None for ``*`` (any).

    Raises:
        BadRequestError: it is neither.
    """
    text = if_match.strip()
    number = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if number == "*":
        return None
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise BadRequestError('If-Match: write the version as the ETag has it, like "3"')
    return int(number)


def _answer(desired: dict[str, Any]) -> HttpResponse:
    return json_response(desired, ETag=f'"{desired["version"]}"')
