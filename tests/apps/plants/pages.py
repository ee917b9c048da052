"""The page of all plants, for those who may water them."""

from typing import Any

from django.http import HttpRequest

from causeway import Page
from causeway.models import Device
from causeway.web import Access


def plants(_request: HttpRequest, access: Access) -> dict[str, Any]:
    """What page.js finds in ``page``: the keys of all plants that the user sees."""
    devices = Device.objects.filter(access.device_filter()).order_by("key")
    return {"plants": [device.key for device in devices]}


PLANTS = Page(
    name="plants",
    title="Plants",
    path="plants",
    template="plants/page.html",
    modules="plants",
    capability="devices.command",
    data=plants,
)
