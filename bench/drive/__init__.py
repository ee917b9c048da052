"""Drives what is measured: alternates rounds of scenarios, starts ``bench.programs``, reads their answers.

It knows installations by their interface only, and never how they are made (``bench.installations``, ``bench.peers``).
"""
