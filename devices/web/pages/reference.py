"""The API's reference for people at /api/v1/docs: the OpenAPI document as one page, without any script."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

Schema = Mapping[str, Any]
_REF: Final = "#/components/schemas/"
_CODE: Final = re.compile(r"``?([^`]+)``?")


class Reference(DocsBase):
    """Django-ninja's way to a page of one's own; its answer also sets the CSRF cookie."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """The page."""
        get_token(request)
        document = api.get_openapi_schema()
        context = {
            "document_url": self.get_openapi_url(api, kwargs),
            "about": paragraphs(document["info"]["description"]),
            "groups": list(groups(document)),
            "schemas": [_schema(name, one) for name, one in sorted(document["components"]["schemas"].items())],
        }
        return render(request, "causeway/reference.html", context)


def groups(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations by their tag, in the order in which they were registered."""
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["more"])[0]
            by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    for tag, operations in by_tag.items():
        yield {"name": tag, "operations": operations}


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "about": paragraphs(operation.get("description", "")),
        "parameters": [_parameter(one) for one in operation.get("parameters", ())],
        "body": [type_of(one["schema"]) for one in operation.get("requestBody", {}).get("content", {}).values()],
        "answers": [
            {"status": status, "type": _content_type(answer)}
            for status, answer in operation["responses"].items()
            if status != "default"
        ],
    }


def _content_type(answer: Mapping[str, Any]) -> SafeString:
    shown = [type_of(one["schema"]) for one in answer.get("content", {}).values() if one.get("schema")]
    return shown[0] if shown else mark_safe("nothing")


def _parameter(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "place": one["in"],
        "required": one.get("required", False),
        "type": type_of(one["schema"]),
        "about": inline(one.get("description") or ""),
        "limits": _limits(one["schema"]),
    }


def _schema(name: str, schema: Schema) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "name": name,
        "about": paragraphs(schema.get("description", "")),
        "type": None if "properties" in schema else type_of(schema),
        "fields": [
            {
                "name": field,
                "type": type_of(one),
                "required": field in required,
                "about": inline(one.get("description") or ""),
                "limits": _limits(one),
            }
            for field, one in schema.get("properties", {}).items()
        ],
    }


def _limits(schema: Schema) -> str:
    """What else holds, in words: the default, the least, the most."""
    inner: Schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), {})
    merged = {**inner, **schema}
    parts = []
    if merged.get("default") is not None:
        parts.append(f"default {msgspec.json.encode(merged['default']).decode()}")
    if "minimum" in merged:
        parts.append(f"at least {merged['minimum']}")
    if "maximum" in merged:
        parts.append(f"at most {merged['maximum']}")
    parts += [f"like {msgspec.json.encode(example).decode()}" for example in merged.get("examples", ())[:1]]
    return ", ".join(parts)


def type_of(schema: Schema) -> SafeString:
    """A schema's type in words, as HTML: what is described elsewhere is a link."""
    return mark_safe(_type_of(schema))  # noqa: S308  each part is escaped where it is made


def _type_of(schema: Schema) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].removeprefix(_REF))
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(f"<code>{html.escape(msgspec.json.encode(one).decode())}</code>" for one in schema["enum"])
    if "const" in schema:
        return f"<code>{html.escape(msgspec.json.encode(schema['const']).decode())}</code>"
    if parts := schema.get("anyOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(_type_of(one) for one in parts))
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    values = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(values, Mapping) and values:
        return f"object of {_type_of(values)}"
    return html.escape(str(schema.get("type", "any JSON")))


def paragraphs(text: str) -> list[dict[str, Any]]:
    """A docstring's paragraphs and lists."""
    found: list[dict[str, Any]] = []
    for block in filter(None, (one.strip() for one in text.split("\n\n"))):
        lines = re.split(r"(?:\A|\n)- ", block)
        items = [inline(" ".join(line.split())) for line in lines if line.strip()]
        found.append({"points": items} if block.startswith("- ") else {"text": inline(" ".join(block.split()))})
    return found


def inline(text: str) -> SafeString:
    """Text with ``code`` in it as HTML."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", html.escape(text)))  # noqa: S308  escaped
