"""For whoever operates Causeway: health, metrics, the ledger, the overview of ``/ops``.

Queries in, figures out. Never writes, except the one row that shows that the database takes writes.
"""
