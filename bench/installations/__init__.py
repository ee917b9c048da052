"""Causeway as an installation that can be measured, whole or in other shapes; and the interface of all installations.

Never imports what drives or measures it. What it is compared with is in ``bench.peers``.
"""
