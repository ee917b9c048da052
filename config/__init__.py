"""Composition only: settings, ASGI application, URLs, start-up checks, the one-process demo.

Reads the environment once into the frozen options that each app defines, and wires the apps to each other where they
may not import one another. Imports everything below; nothing imports it but by settings' names.
"""

from runtime.lean_imports import structlog_alone

structlog_alone()
