"""Causeway with an app that somebody else wrote, as docs/extending.md tells to install one."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.apps.plants"]
