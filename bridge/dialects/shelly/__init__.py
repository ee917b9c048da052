"""Shelly, all generations. Gen2 and later speak JSON-RPC below a prefix; Gen1 has plain texts below ``shellies/<id>``.

    topic ──topics──> the device's prefix, and what comes there
    payload ──gen2, answers | gen1──> values, events, answers     (what is remembered: model)
    command ──commands_gen2 | commands_gen1──> an RPC request or a control topic

The source is the device. Nothing is published while nothing changes, so a device is asked what it is and how it stands
(``prompts``). Pure. Imports bridge only.
"""
