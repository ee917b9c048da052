"""Django apps of others, added by ``CAUSEWAY_APPS``: read from the environment, seen to fit, and given their URLs.

What they register by ``causeway`` is no concern of this folder: that is the same for every app (devices.extensions).
"""
