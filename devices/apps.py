"""The Django app of the browser bank."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """Sites, devices, twins, readings, commands, and the web."""

    name = "devices"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the pages that are always there."""
        from django.contrib.auth.signals import user_logged_out

        from devices.web.live.hub.ended_sessions import tell_hubs
        from devices.web.pages import builtin

        builtin.register()
        user_logged_out.connect(tell_hubs)
