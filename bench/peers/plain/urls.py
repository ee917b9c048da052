"""Where commands are posted: at the same path as Causeway's."""

import json
import uuid

from channels.layers import get_channel_layer
from django.http import HttpRequest, JsonResponse
from django.urls import path

from bench.peers.plain import COMMANDS


async def give_command(request: HttpRequest, site: str, device: str) -> JsonResponse:
    """Send it on; whether it was obeyed, dashboards are told."""
    command, identity = json.loads(request.body), uuid.uuid4().hex
    topic = f"devices/{site}/{device}/command/{identity}/{command['name']}"
    await get_channel_layer().send(COMMANDS, {"topic": topic, "payload": json.dumps(command["args"])})
    return JsonResponse({"id": identity}, status=202)


urlpatterns = [path("api/v1/devices/<site>/<device>/commands", give_command)]
