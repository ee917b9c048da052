"""Trying handlers in an app's tests, with Django's test cases or pytest-django (docs/extending/handlers.md)."""

from devices.handlers.trials.testing import assert_exactly_once, feed

__all__ = ["assert_exactly_once", "feed"]
