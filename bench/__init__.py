"""Benchmarks: side by side in one run, medians and ratios. ``make bench`` writes a table and JSON to ``var/bench/``.

The machine is shared and noisy: no figure means anything alone. Rounds of the shapes under comparison alternate, and
what is compared is the ratio of their medians.
"""
