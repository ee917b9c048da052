"""The public face of Causeway, for Django apps that add to it (docs/extending/).

What is named here and in this package's modules is promised: it changes only with a word in CHANGELOG.md, and keeps
working for a release beside what replaces it. Everything else (devices, mqtt_gateway, bridge, runtime, config) may
change at any time; apps import nothing of it.

This module can be imported while apps are loaded; the others, which need models, from then on: ``causeway.models``,
``causeway.requests``, ``causeway.web``, ``causeway.features``, ``causeway.handlers``, ``causeway.testing``.
``causeway.dialects``, which is pure, can be imported at any time.
"""

from typing import Final

from bridge.dialects.registry import register_dialect
from bridge.registry import RegistrationError
from devices.extensions import register_feature, register_page, register_panel, register_router
from devices.handlers.items import (
    AlertStep,
    CommandStep,
    Deleted,
    Desired,
    Event,
    Presence,
    Reading,
    Registered,
    Reported,
)
from devices.handlers.registry import on
from devices.rules.actors import Actor
from devices.rules.capabilities import Capability
from devices.rules.pages import Page, Panel

__version__: Final = "0.1.0"

__all__ = [
    "Actor",
    "AlertStep",
    "Capability",
    "CommandStep",
    "Deleted",
    "Desired",
    "Event",
    "Page",
    "Panel",
    "Presence",
    "Reading",
    "Registered",
    "RegistrationError",
    "Reported",
    "on",
    "register_dialect",
    "register_feature",
    "register_page",
    "register_panel",
    "register_router",
]
