"""Presence of devices that say nothing themselves: timers, and what the gateways' links tell."""
