"""Pure rules of a device's twin: what a message changes, what a browser is sent, how a command lives.

Never: I/O, Django, a clock, await. Imports bridge only. Data passes: decoded payloads and a reception time in,
changed twins, readings and stream messages out.
"""
