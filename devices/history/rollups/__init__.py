"""Rollups in the database: which of them cover a time, and what has to be read raw beside them. Writes nothing."""
