"""The Django app."""

from django.apps import AppConfig


class NotifierConfig(AppConfig):
    """Its handler is found in causeway.py."""

    name = "tests.apps.notifier"
    label = "notifier"
