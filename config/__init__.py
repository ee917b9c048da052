"""Composition only: settings, ASGI application, URLs, start-up checks, the one-process demo.

Reads the environment once into the frozen options that each app defines; wires the apps to each other where they may
not import one another. Imports everything; nothing imports it.
"""
