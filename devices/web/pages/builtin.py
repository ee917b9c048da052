"""The pages that are always there: fleet, device, operations, mappings. Live data comes by WebSocket."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest

from devices.extensions import register_page
from devices.models import Device
from devices.rules.pages import Page
from devices.web.auth import Access


def register() -> None:
    """Register them; fleet and operations say themselves that somebody has no role."""
    register_page(
        Page(name="fleet", title="Fleet", path="", modules="causeway/fleet"),
    )
    register_page(
        Page(
            name="device",
            title="Device",
            path="devices/<name:site>/<device:name>",
            modules="causeway/device",
            capability="devices.read",
            data=_device,
        )
    )
    register_page(
        Page(name="ops", title="Operations", path="ops", modules="causeway/ops"),
    )
    register_page(
        Page(
            name="mappings",
            title="Mappings",
            path="mappings",
            modules="causeway/mappings",
            capability="mappings.manage",
            everywhere=True,
        )
    )
    if settings.DEBUG:
        register_page(Page(name="kit", title="Kit", path="kit", modules="causeway/kit", linked=False))


def _device(_request: HttpRequest, access: Access, site: str, name: str) -> dict[str, Any]:
    """Which device, and the user's role at its site; for its document. In another page's, the device's stream tells.

    Raises:
        Http404: there is none.
    """
    key = f"{site}/{name}"
    if not Device.objects.filter(key=key).exists():
        raise Http404(f"no device {key}")
    return {"device": key, "role": access.role_at(site)}
