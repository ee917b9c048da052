"""Keeping the connection to the broker up: reconnects, subscriptions, markers."""
