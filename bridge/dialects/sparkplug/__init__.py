"""Sparkplug B, versions 2.2 and 3 (sparkplug.eclipse.org): edge nodes of plants, and the devices behind them.

Births say what there is and give it aliases; data refer to these, so that a lost birth has to be asked for again. The
source is the edge node. ``payloads`` is the wire, ``model`` what is remembered, ``births`` and ``data`` read,
``commands`` writes. Pure.
"""
