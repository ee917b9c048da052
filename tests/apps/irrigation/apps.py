"""The Django app."""

from django.apps import AppConfig


class IrrigationConfig(AppConfig):
    """Its handlers are found in causeway.py."""

    name = "tests.apps.irrigation"
    label = "irrigation"
    default_auto_field = "django.db.models.BigAutoField"
