"""Rolls readings up, some time after they are stored, between the rounds. Nothing of it is done in a round.

::

    look    which devices' turn has come           worker/rules/rolling, by what is in memory; every 20 s
    turn    some devices' new readings ─> rows     one short transaction, behind the fence
"""
