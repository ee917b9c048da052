"""Bytes of MQTT, WebSockets and both dialects, and what was lost or late of numbered messages.

Bytes go in, counts and figures come out, as cheaply as can be. Never imports a program.
"""
