"""The Django app."""

from django.apps import AppConfig


class StubbornConfig(AppConfig):
    """Its handler is found in causeway.py."""

    name = "tests.apps.stubborn"
    label = "stubborn"
