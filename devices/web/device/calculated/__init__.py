"""Calculated metrics over HTTP: defined, listed, tried on history. Workers calculate (devices.worker.link)."""
