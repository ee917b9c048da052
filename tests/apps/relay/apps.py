"""The Django app."""

from django.apps import AppConfig


class RelayConfig(AppConfig):
    """Its consumer is found in routing.py."""

    name = "tests.apps.relay"
    label = "relay"
