"""The one ASGI application: HTTP to Django, WebSockets to the dashboard, channels to the shard consumers.

Served by ``daphne config.asgi:application`` (http, websocket) and by ``manage.py run_devices`` (channel).
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # loads the apps; imports of ours that need models come after it

from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bridge.names import devices_channel
from config.checks import needs_channel_layer
from devices.ingest.consumer import ShardConsumer
from devices.web.live.routing import websocket_application

for problem in needs_channel_layer():
    raise ImproperlyConfigured(problem.msg)

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": websocket_application,
        "channel": ChannelNameRouter(
            {devices_channel(shard): ShardConsumer.as_asgi() for shard in range(settings.DEVICES.shards)}
        ),
    }
)
