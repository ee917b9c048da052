"""Commands to devices."""

import json
import uuid

from channels.layers import get_channel_layer
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from bench.peers.plain.names import PUBLISH


@require_POST
async def command(request: HttpRequest, site: str, device: str) -> JsonResponse:
    """POST ``{"name":…,"args":{…}}`` → 202 ``{"id":…}``. The device's answer comes to the dashboards, with the id."""
    wanted = json.loads(request.body)
    number = uuid.uuid4().hex
    order = {
        "type": "mqtt.publish",
        "topic": f"devices/{site}/{device}/command/{number}/{wanted['name']}",
        "payload": json.dumps(wanted.get("args", {})),
    }
    await get_channel_layer().send(PUBLISH, order)
    return JsonResponse({"id": number}, status=202)
