"""Trying handlers in tests, for ``causeway.testing``."""
