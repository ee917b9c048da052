"""The one ASGI application: HTTP to Django, WebSockets to the dashboard, channels to the shard consumers.

Served by ``daphne config.asgi:application`` (http, websocket) and by ``manage.py run_devices`` (channel).
"""

import os
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured


def _application() -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    http = get_asgi_application()  # loads the apps; what needs models can be imported after it
    from config.checks import needs_channel_layer
    from config.routing import by_protocol

    for problem in needs_channel_layer():
        raise ImproperlyConfigured(problem.msg)
    return by_protocol(http)


application = _application()
