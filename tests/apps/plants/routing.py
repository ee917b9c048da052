"""Where consumers are: below ``/apps/plants/``, and on which channels."""

from django.urls import path

from tests.apps.plants.consumers import Greenhouse, OnePlant, Sites, Watering

websocket_urlpatterns = [
    path("live/<slug:site>/", Greenhouse.as_asgi()),
    path("live/<slug:site>/<slug:pot>/", OnePlant.as_asgi()),
]
http_urlpatterns = [path("sites/", Sites.as_asgi())]
channels = {"plants-watering": Watering.as_asgi()}
