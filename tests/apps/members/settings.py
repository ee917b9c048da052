"""Causeway with the app ``members``, whose users it has: ``CAUSEWAY_APPS=tests.apps.members`` goes with it."""

from config.settings import *  # noqa: F403

AUTH_USER_MODEL = "members.Member"
