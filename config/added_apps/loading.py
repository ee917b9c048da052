"""Loads Django's apps, those of others with them; what is wrong with one ends the process in one sentence."""

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bridge.registry import RegistrationError


def setup() -> None:
    """``django.setup``, in its place; then ``causeway.py`` of each app is imported. Safe to repeat.

    Raises:
        ImproperlyConfigured: an app does not fit, or registers what it may not.
    """
    if settings.CAUSEWAY_APPS:
        from config.added_apps.fit import refuse_misfits

        refuse_misfits(settings.CAUSEWAY_APPS)
    try:
        django.setup(set_prefix=False)
        if settings.HAS_WEB:  # run_handlers does so by itself; gateways and workers need none of it
            from devices.handlers.registry import discover

            discover()
    except RegistrationError as error:
        raise ImproperlyConfigured(f"an app can't register its {error}") from error
