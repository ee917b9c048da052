"""Dialects: ways of using MQTT topics and payloads. Each is a folder of pure functions; ``native`` is Causeway's own.

Topics and payloads come in as bytes and text, observations go out. Never imports anything but bridge.
"""
