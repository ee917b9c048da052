"""The page of all plants, and a panel beside each device, for those who may water them."""

from typing import Any

from django.http import HttpRequest
from django.urls import get_script_prefix

from causeway import Page, Panel
from causeway.models import Device
from causeway.web import Access
from tests.apps.plants.models import PlantCount


def plants(_request: HttpRequest, access: Access) -> dict[str, Any]:
    """What page.js is handed as ``data``: the keys of all plants that the user sees, and how many readings each had."""
    devices = Device.objects.filter(access.device_filter()).order_by("key")
    counts = dict(PlantCount.objects.filter(device__in=devices).values_list("device__key", "readings"))
    return {"plants": [device.key for device in devices], "readings": counts}


PLANTS = Page(
    name="plants",
    title="Plants",
    path="plants",
    modules="plants",
    styles=("plants/plants.css",),
    capability="devices.command",
    data=plants,
)


def greenhouse(_request: HttpRequest, _access: Access, site: str) -> dict[str, Any]:
    """Where the page finds the app's own socket."""
    return {"socket": f"{get_script_prefix()}apps/plants/live/{site}/"}


MAP = Page(
    name="plants_map",
    title="Greenhouse",
    path="plants/<slug:site>/map",
    modules="plants_map",
    styles=("plants/plants.css",),
    capability="devices.read",
    data=greenhouse,
)

LEAVES = Panel(name="leaves", title="Leaves", modules="plants", capability="devices.command")
