"""Reads results.json and writes: the table on a terminal, docs/performance.md with its pictures; takes the profiles.

Everything goes from results to text. Only ``profile`` drives an installation, for results that are not there yet.
"""
