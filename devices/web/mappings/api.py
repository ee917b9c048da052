"""The operations of mappings. Each needs the role admin at all sites."""

import binascii
from base64 import b64decode
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from bridge.dialects.mapping.preview import preview
from devices import models
from devices.requests.refusals import BadRequestError, ForbiddenError, NotFoundError
from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.api.times import rfc3339
from devices.web.auth import ALL_SITES, Access
from devices.web.mappings import store
from devices.web.mappings.heard import heard
from devices.web.mappings.schemas import Mapping, MappingIn, Mappings, Message, Preview, PreviewIn
from runtime.database_clock import unix_ms

router = Router(tags=["mappings"])


@router.get("/mappings", response=Mappings)
def list_mappings(request: HttpRequest) -> HttpResponse:
    """How foreign topics are read: all rules, at once."""
    _admin(request)
    return json_response({"items": [_json(row) for row in models.Mapping.objects.order_by("pk")], "next": None})


@router.post("/mappings", response={201: Mapping})
def create_mapping(request: HttpRequest, payload: MappingIn) -> HttpResponse:
    """Read the topics of a pattern from now on. 409: they are Causeway's own, a dialect's, or another mapping's."""
    who = _admin(request)
    row = store.save(store.checked(payload.model_dump()), str(who.actor))
    return json_response(_json(row), HTTPStatus.CREATED)


@router.post("/mappings/preview", response=Preview)
def preview_mapping(request: HttpRequest, payload: PreviewIn) -> HttpResponse:
    """What a rule makes of messages: of those that you send, else of the last ones heard that nobody took."""
    _admin(request)
    rule = store.checked(payload.mapping.model_dump())
    messages = heard() if payload.messages is None else _messages(payload.messages)
    return json_response({"items": preview(rule, messages, unix_ms()), "next": None})


@router.get("/mappings/{int:mapping_id}", response=Mapping)
def get_mapping(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """One rule."""
    _admin(request)
    return json_response(_json(_row(mapping_id)))


@router.put("/mappings/{int:mapping_id}", response=Mapping)
def replace_mapping(request: HttpRequest, mapping_id: int, payload: MappingIn) -> HttpResponse:
    """Put another rule in a rule's place. What was accepted by then is read as it was to be."""
    who = _admin(request)
    row = _row(mapping_id)
    return json_response(_json(store.save(store.checked(payload.model_dump()), str(who.actor), row)))


@router.delete("/mappings/{int:mapping_id}", response={204: None})
def delete_mapping(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """Read these topics no longer. Devices and their readings stay."""
    _admin(request)
    store.delete(_row(mapping_id))
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _admin(request: HttpRequest) -> Access:
    who = access(request)
    if not who.may("mappings.manage", ALL_SITES):
        raise ForbiddenError("mappings need the role admin at all sites")
    return who


def _row(mapping_id: int) -> models.Mapping:
    row = models.Mapping.objects.filter(pk=mapping_id).first()
    if row is None:
        raise NotFoundError("there is no such mapping")
    return row


def _json(row: models.Mapping) -> dict[str, Any]:
    return {"id": row.pk, **row.rule, "created_by": row.created_by, "created_at": rfc3339(row.created_at)}


def _messages(messages: list[Message]) -> Iterator[tuple[str, bytes]]:
    for one in messages[:1_000]:
        try:
            yield one.topic, b64decode(one.payload, validate=True) if one.encoding == "base64" else one.payload.encode()
        except (binascii.Error, ValueError):
            raise BadRequestError("messages: a payload is not what its encoding says") from None
