"""The API's operations of plants: ``/api/v1/plants/…``."""

from django.http import HttpRequest
from ninja import Router

from causeway.requests import store_command
from causeway.web import access

router = Router(tags=["plants"])


@router.post("/{site}/{device}/water")
async def water(request: HttpRequest, site: str, device: str) -> dict[str, str]:
    """Water a plant for five seconds."""
    who, key = access(request), f"{site}/{device}"
    who.require("devices.command", key)
    command = await store_command(key, "water", {"seconds": 5}, actor=who.actor)
    return {"command": str(command.pk)}
