"""Announces native devices to Home Assistant, where the installation wants that: discovery messages, retained."""
