"""Foreign topics read by rules that people write: a topic pattern, what its payloads are, units and scales. Pure.

``rules`` is what a rule may say, ``patterns`` finds the one for a topic, ``payloads`` reads by it. The gateway routes
by the rules that it knows, and a delivery carries its own: what was accepted by a rule is read by that one.
"""
