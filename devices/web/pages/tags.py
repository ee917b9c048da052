"""What templates call: ``{% built "base.css" %}``, ``{% say "Sign out" %}``."""

from typing import Any, Final

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.translation import get_language_from_request

from devices.web.pages.built import built, url_of
from devices.web.pages.german import GERMAN

register: Final = template.Library()


@register.simple_tag(name="built")
def built_url(name: str) -> str:
    """The URL of a file of the pages' build."""
    return url_of(built(name).file)


@register.simple_tag(takes_context=True)
def say(context: Context, text: str, **values: Any) -> str:
    """A sentence in the language of who looks; ``{name}`` stands for a value."""
    said = GERMAN.get(text, text) if language(context) == "de" else text
    return format_html(said, **values) if values else said  # a tag's text is escaped by Django


@register.simple_tag(takes_context=True)
def language(context: Context) -> str:
    """``de`` or ``en``: as the user prefers, else as the browser asks for."""
    page, request = context.get("page"), context.get("request")
    chosen = page["preferences"]["language"] if page else None
    if chosen is None and request is not None:
        chosen = get_language_from_request(request).partition("-")[0]
    return "de" if chosen == "de" else "en"
