"""Causeway with all apps of these tests: what the type checker goes by."""

from tests.apps.irrigation.settings import *  # noqa: F403
from tests.apps.irrigation.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "tests.apps.notifier",
    "tests.apps.plants",
    "tests.apps.relay",
    "tests.apps.witness",
    "bench.followers",
]
