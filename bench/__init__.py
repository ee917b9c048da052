"""Benchmarks side by side in one run: medians, ranges, ratios. ``make bench`` writes a table, and JSON into var/bench.

The machine is shared and noisy: no figure means anything alone. Rounds of the installations under comparison alternate;
what is compared is the ratio within each round, of which the table gives median and range. Nothing of the product
imports this; it drives the product from outside, with the systems of ``tests.support``.
"""
