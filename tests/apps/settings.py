"""Causeway with an app that somebody else wrote, as docs/extending/ tells to install one by settings of one's own."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.apps.plants"]
