"""``application``: HTTP and WebSocket for Daphne, the channel ``devices`` for ``runworker``."""

import os

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.plain.settings")
http = get_asgi_application()

from bench.peers.plain.consumers import DashboardConsumer, DevicesConsumer  # noqa: E402  Django must be set up first
from bench.peers.plain.names import DEVICES  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": URLRouter([path("ws/", DashboardConsumer.as_asgi())]),
        "channel": ChannelNameRouter({DEVICES: DevicesConsumer.as_asgi()}),
    }
)
