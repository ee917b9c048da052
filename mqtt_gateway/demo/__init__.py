"""The demo's broker, in process."""
