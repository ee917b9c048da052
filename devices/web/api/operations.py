"""What operators look at, over HTTP: the ledger, and the overview that the page /ops shows."""

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.web.api.paging import json_response
from devices.web.api.security import access
from devices.web.operations.ledger import read_ledger
from devices.web.operations.observer import latest
from devices.web.operations.overview import read_overview
from devices.web.operations.schemas import Ledger, Overview

router = Router(tags=["operations"])


@router.get("/ledger", response=Ledger)
def get_ledger(request: HttpRequest) -> HttpResponse:
    """What became of every delivery by the broker, over all sites. Needs any role."""
    access(request)
    return json_response(read_ledger())


@router.get("/ops", response=Overview)
async def get_ops(request: HttpRequest) -> HttpResponse:
    """What works, who works on what, the ledger and incidents, over all sites. Needs any role."""
    access(request)
    return json_response(await sync_to_async(read_overview)(await latest()))
