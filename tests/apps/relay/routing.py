"""Where the consumer is: below ``/apps/relay/``."""

from django.urls import path

from tests.apps.relay.consumers import Relay

websocket_urlpatterns = [path("events/", Relay.as_asgi())]
