"""The one ASGI application: HTTP to Django, WebSockets to the dashboard, channels to the shard consumers.

Served by ``daphne config.asgi:application`` (http, websocket) and by ``manage.py run_devices`` (channel).
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import structlog
from django.conf import settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import DatabaseError, connections

from config.added_apps import loading
from config.parts import is_served
from runtime.databases.limits import limit_requests
from runtime.databases.reasons import in_words
from runtime.gc_tuning import collect_later, collect_seldom
from runtime.http import web_process
from runtime.http.requests.threads import RequestThreads
from runtime.outages import Outage


def _application() -> Any:
    """The application; bad settings end the server in one line on standard error and exit status 2."""
    try:
        return _build()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"causeway: {error}\n")
        raise SystemExit(2) from None


def _build() -> Any:
    by_daphne = is_served()
    if by_daphne:
        collect_later()
        from runtime.http import daphne_frames
        from runtime.http.open_files import open_files

        daphne_frames.install()
        web_process.allow_many_sockets()
        open_files.watch()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    loading.setup()  # loads the apps; what needs models can be imported after it
    from config.routing import by_protocol
    from runtime.http.requests.handler import RequestHandler

    for problem in _problems():
        raise ImproperlyConfigured(problem.msg)
    if by_daphne:
        from devices.web import startup
        from runtime.http import daphne_frames
        from runtime.http.requests import limits

        daphne_frames.compress(on=settings.WEBSOCKET_COMPRESSION)
        limits.install(settings.TRUSTED_PROXIES)
        web_process.begin_requests_at_once()
        limit_requests()
        collect_seldom()
        startup.import_urls_soon()
    return by_protocol(RequestThreads(RequestHandler()))


def _problems() -> Iterator[CheckMessage]:
    from config.checks import can_use_its_redis, database_problems, needs_channel_layer

    yield from needs_channel_layer()
    yield from can_use_its_redis()
    with contextlib.suppress(SynchronousOnlyOperation):  # imported in an event loop: by the demo, which has migrated
        try:
            yield from database_problems()
        except DatabaseError as error:  # it is waited for, but not silently
            Outage(structlog.get_logger(__name__), "database", time.monotonic).begins(in_words(error))
        connections.close_all()


application = _application()
