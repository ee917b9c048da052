"""Benchmarks: side by side in one run, medians and ratios. ``make bench`` writes a table and JSON to ``var/bench/``.

The machine is shared and noisy: no figure means anything alone. Rounds of the shapes under comparison alternate; what
is compared is the ratio within each round, of which the table gives median and range.
"""
