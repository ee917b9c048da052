"""What operators look at, over HTTP: the ledger, and the overview that the page /ops shows."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.web.api.paging import json_response
from devices.web.api.schemas import Ledger, Overview
from devices.web.api.security import access
from devices.web.operations.ledger import read_ledger
from devices.web.operations.overview import read_overview

router = Router(tags=["operations"])


@router.get("/ledger", response=Ledger)
def get_ledger(request: HttpRequest) -> HttpResponse:
    """What became of every delivery by the broker, over all sites. Needs any role."""
    access(request)
    return json_response(read_ledger())


@router.get("/ops", response=Overview)
def get_ops(request: HttpRequest) -> HttpResponse:
    """The chain, who works on what, the ledger and incidents, over all sites. Needs any role."""
    access(request)
    return json_response(read_overview())
