"""Which protocol goes where."""

from typing import Any

from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.conf import settings

from bridge.names import devices_channel
from devices.web.live.socket.application import websocket_application
from devices.worker.process.consumer import ShardConsumer
from runtime.http.front import Front


def by_protocol(http: Any) -> ProtocolTypeRouter:
    """The application over Django's own ``http``."""
    shards = range(settings.DEVICES.shards)
    return ProtocolTypeRouter(
        {
            "http": Front(http, settings.TRUSTED_PROXIES, settings.PATH_PREFIX),
            "websocket": Front(websocket_application, settings.TRUSTED_PROXIES, settings.PATH_PREFIX),
            "channel": ChannelNameRouter({devices_channel(shard): ShardConsumer.as_asgi() for shard in shards}),
        }
    )
