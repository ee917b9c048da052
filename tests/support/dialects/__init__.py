"""Plays corpora of other dialects' messages, and checks what must be true then (tests/unit/bridge/dialects/corpora).

``rows`` reads them, ``broker`` stores what is retained, ``player`` has them read and changes the devices' twins,
``expectations`` and ``commands`` check, ``fuzz`` makes wrong messages of right ones. ``spoken`` lists the dialects.
"""
