"""What a process that has the web does when its apps are loaded, and when it serves."""

import threading
from typing import Final

import structlog
from django.contrib.auth.signals import user_logged_out
from django.urls import reverse

from devices.web.live.hub.ended_sessions import tell_hubs
from devices.web.pages import built, builtin
from runtime.gc_tuning import collect_seldom

log = structlog.get_logger(__name__)

_SOON_S: Final = 1.0  # probes and sockets come first


def begin() -> None:
    """Register the pages that are always there; have a logout told to all hubs."""
    builtin.register()
    user_logged_out.connect(tell_hubs)


def import_urls_soon() -> None:
    """Import what serves the URLs that no probe and no socket needs, in a thread beside whatever comes first.

    Whoever asks for one of them before waits until it is there.
    """
    timer = threading.Timer(_SOON_S, _import_urls)
    timer.daemon = True
    timer.start()


def _import_urls() -> None:
    try:
        reverse("healthz")  # to know one by its name, Django imports them all
        built.manifest()  # whose files are among those that this process serves: later ones aren't
    except built.NotBuiltError:
        log.exception("the pages cannot be shown")
    except Exception:
        log.exception("the URLs cannot be imported: a bug")
    collect_seldom()
