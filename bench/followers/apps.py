"""The Django app."""

from django.apps import AppConfig


class FollowersConfig(AppConfig):
    """Its handlers are found in causeway.py."""

    name = "bench.followers"
    label = "followers"
    default_auto_field = "django.db.models.BigAutoField"
