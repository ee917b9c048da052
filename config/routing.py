"""Which protocol goes where."""

from functools import cache
from typing import Any

from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.conf import settings

from bridge.names import devices_channel
from config.added_apps import routing as apps
from devices.web.live.event_streams import consumer
from devices.web.live.socket.application import websocket_application
from runtime.http.front import Front


def by_protocol(http: Any) -> ProtocolTypeRouter:
    """The application over Django's own ``http``."""
    return ProtocolTypeRouter(
        {
            "http": Front(apps.requests(_streams_beside(http)), settings.TRUSTED_PROXIES, settings.PATH_PREFIX),
            "websocket": Front(apps.sockets(websocket_application), settings.TRUSTED_PROXIES, settings.PATH_PREFIX),
            "channel": _shard_consumers,
        }
    )


def _streams_beside(http: Any) -> Any:
    """Event streams to their consumer, all else to Django."""
    stream = consumer.StreamConsumer.as_asgi()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_stream = path == consumer.PATH and scope["method"] in ("GET", "HEAD")
        await (stream if is_stream else http)(scope, receive, send)

    return application


async def _shard_consumers(scope: Any, receive: Any, send: Any) -> None:
    await _by_channel()(scope, receive, send)


@cache
def _by_channel() -> ChannelNameRouter:
    """Made when the first message comes on one of their channels: never in a web process."""
    from devices.worker.process.consumer import ShardConsumer

    shards = range(settings.DEVICES.shards)
    ours = {devices_channel(shard): ShardConsumer.as_asgi() for shard in shards}
    return ChannelNameRouter({**apps.channels(), **ours})
