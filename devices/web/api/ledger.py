"""The ledger over HTTP."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.web.api.paging import json_response
from devices.web.api.schemas import Ledger
from devices.web.api.security import access
from devices.web.operations.ledger import read_ledger

router = Router(tags=["operations"])


@router.get("/ledger", response=Ledger)
def get_ledger(request: HttpRequest) -> HttpResponse:
    """What became of every delivery by the broker, over all sites. Needs any role."""
    access(request)
    return json_response(read_ledger())
