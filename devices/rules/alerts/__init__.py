"""Alert rules: what they say (``rule``), when one holds (``conditions``), and what becomes of that (``steps``). Pure.

Observations of one device come in, in the order of their own times; alerts raised and cleared go out. The same for what
happens now and for what is stored: live and backtest are one function. Never: databases, clocks, notifications.
"""
