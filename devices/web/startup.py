"""What a process that has the web does when its apps are loaded."""

from django.contrib.auth.signals import user_logged_out

from devices.web.live.hub.ended_sessions import tell_hubs
from devices.web.pages import builtin


def begin() -> None:
    """Register the pages that are always there; have a logout told to all hubs."""
    builtin.register()
    user_logged_out.connect(tell_hubs)
