"""The operator's overview over HTTP: what the page /ops shows."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from devices.web.api.paging import json_response
from devices.web.api.schemas import Overview
from devices.web.api.security import access
from devices.web.operations.overview import read_overview

router = Router(tags=["operations"])


@router.get("/ops", response=Overview)
def get_ops(request: HttpRequest) -> HttpResponse:
    """The chain, who works on what, the ledger and incidents, over all sites. Needs any role."""
    access(request)
    return json_response(read_overview())
