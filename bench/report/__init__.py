"""Reads results.json and writes what a run prints and docs/performance.md; takes the profiles.

Everything goes from results to text. Only ``profile`` drives an installation, for results that are not there yet.
"""
