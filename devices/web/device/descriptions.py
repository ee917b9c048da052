"""What devices are: read, and corrected by people. Its version is the ETag, so that two editors don't overwrite."""

from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from bridge.dialects.forms.description_words import WrongWordError, without_read_only, words_of
from devices.requests.ask import ask
from devices.requests.refusals import ConflictError, ContradictionError
from devices.rules.twin import load_value
from devices.web.api.conditions import tags_of, unmet
from devices.web.api.desired import IfMatch, IfNoneMatch
from devices.web.api.devices import kept_description, visible_device
from devices.web.api.paging import json_response
from devices.web.api.problems import problem
from devices.web.api.schemas import MergePatch
from devices.web.api.security import access
from devices.web.device.description_schemas import Description

router = Router(tags=["devices"])


@router.get("/description.schema.json", response=dict[str, Any])
def get_description_schema(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of a description."""
    access(request)
    return json_response(description_schema())


@router.get("/devices/{site}/{device}/description", response=Description)
def get_description(request: HttpRequest, site: str, device: str, if_none_match: IfNoneMatch) -> HttpResponse:
    """What the device is: by a person's word, its own, its dialect's. The ETag is its version."""
    owner = visible_device(access(request), f"{site}/{device}", "devices.read")
    kept, version = kept_description(owner), load_value(owner.twin.doc).described_rev
    answer = _answer(kept.value if kept else {}, version)
    if if_none_match is not None and tags_of("If-None-Match", if_none_match).match_weakly(version):
        unchanged = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del unchanged["Content-Type"]
        unchanged["ETag"] = answer["ETag"]
        return unchanged
    return answer


@router.put("/devices/{site}/{device}/description", response=Description)
async def put_description(
    request: HttpRequest, site: str, device: str, payload: MergePatch, if_match: IfMatch, if_none_match: IfNoneMatch
) -> HttpResponse:
    """Say what the device is; null gives a field back to who else speaks of it. Needs the role admin.

    Fields that are left out stay. A list of properties, or of actions, replaces the one that was put before. What is
    not a person's to say (`dialect`, `origin`, `withdrawn`, `set_by`) is passed over, and what the device or its
    dialect says just so stays theirs, so that what was read may be sent back.
    """
    key, who = f"{site}/{device}", access(request)
    owner = await sync_to_async(visible_device)(who, key, "devices.manage")
    words = without_read_only(payload.root)
    try:
        words_of(words, settings.DEVICES.max_metrics_per_device, key)
    except WrongWordError as wrong:
        raise ContradictionError(str(wrong), wrong.field) from None
    current = load_value(owner.twin.doc).described_rev
    if why := unmet("the description", current, if_match, if_none_match):
        return _precondition_failed(why)
    conditional = if_none_match is not None or (if_match is not None and not tags_of("If-Match", if_match).any)
    version = current if conditional else None
    try:
        result = await ask(key, "description", {"words": words, "if_version": version}, actor=who.actor)
    except ConflictError as conflict:
        if version is None:
            raise
        return _precondition_failed(str(conflict))
    return _answer(result["description"], result["version"])


def description_schema() -> dict[str, Any]:
    """The same as a JSON Schema, 2020-12."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | Description.model_json_schema(by_alias=True)


def _precondition_failed(why: str) -> HttpResponse:
    return problem("conflict", why, status=HTTPStatus.PRECONDITION_FAILED)


def _answer(description: dict[str, Any], version: int) -> HttpResponse:
    return json_response(description, ETag=f'"{version}"')
