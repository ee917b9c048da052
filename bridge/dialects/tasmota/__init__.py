"""Tasmota: plugs, switches, lights, shutters, sensors and bridges with that firmware (tasmota.github.io/docs/MQTT).

    topic  ──patterns──> prefix, device topic, what      (FullTopic, ``%prefix%/%topic%/`` by default)
    config, sensors ──discovery──> what a device is      (``tasmota/discovery/<MAC>/…``)
    payload ──payloads──> values, events, answers
    command ──commands──> ``cmnd/…``

One source a site, ``site/tasmota``, because the discovery names devices by their MAC and all others by their topic.
Pure. Imports bridge only.
"""
