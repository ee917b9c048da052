"""Hearing what else is on the broker, for people who ask: on connections of their own, outside of the ledger."""
