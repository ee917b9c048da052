"""A view as any Django app has them: who may see it is for the view to say."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from causeway.web import visitor
from tests.apps.plants.models import PlantCount


@login_required
def counts(request: HttpRequest) -> HttpResponse:
    """How many readings each plant had that the user may see, as CSV."""
    access = visitor(request)
    if access is None or not access.sees_any:
        raise PermissionDenied
    rows = PlantCount.objects.filter(access.device_filter("device__")).order_by("device__key")
    lines = [f"{key},{readings}\n" for key, readings in rows.values_list("device__key", "readings")]
    return HttpResponse("".join(lines), content_type="text/csv")
