"""The Django app."""

from django.apps import AppConfig


class WitnessConfig(AppConfig):
    """Its handlers are found in causeway.py."""

    name = "tests.apps.witness"
    label = "witness"
    default_auto_field = "django.db.models.BigAutoField"
