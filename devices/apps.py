"""The Django app of the browser bank."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """Sites, devices, twins, readings, commands, and the web."""

    name = "devices"
    default_auto_field = "django.db.models.BigAutoField"
