"""Serves the document: for everybody, like OpenAPI's. It is made once a process."""

import hashlib
from functools import cache
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

from devices.web.pages.asyncapi.document import document


@cache
def _content() -> bytes:
    return msgspec.json.encode(
        document(
            topic_root=settings.DEVICES.topic_root,
            prefix=settings.PATH_PREFIX,
            secure=settings.BEHIND_TLS_PROXY,
            cookie=settings.SESSION_COOKIE_NAME,
        )
    )


@cache
def _etag() -> str:
    return f'"{hashlib.sha256(_content()).hexdigest()[:16]}"'


def _etag_of(_request: HttpRequest, **_: Any) -> str:
    return _etag()


@require_safe
@condition(etag_func=_etag_of)
def asyncapi(_request: HttpRequest) -> HttpResponse:
    """AsyncAPI's JSON."""
    return HttpResponse(_content(), content_type="application/json")
