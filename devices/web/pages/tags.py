"""What templates call: ``{% built "base.css" %}``."""

from typing import Final

from django import template

from devices.web.pages.built import built, url_of

register: Final = template.Library()


@register.simple_tag(name="built")
def built_url(name: str) -> str:
    """The URL of a file of the pages' build."""
    return url_of(built(name).file)
