"""Who may read /metrics and the details of /readyz: networks that the settings name, and whoever has a role."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from devices.web.api.problems import problem
from devices.web.auth import access_by_token, access_of, bearer_token
from runtime.http.front import is_from


def refusal(request: HttpRequest) -> HttpResponse | None:
    """None: let it see all. Asks the database only about those from other networks."""
    if is_from(request, settings.METRICS_ALLOWED):
        return None
    token = bearer_token(request.headers.get("Authorization", ""))
    access = access_of(request.user) if token is None else access_by_token(token)
    if access is None:
        return problem("unauthorized", "send an API token, or ask from a network in METRICS_ALLOWED")
    return None if access.sees_any else problem("forbidden", "you have no role at any site")
