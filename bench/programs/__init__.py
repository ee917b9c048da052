"""Programs that run as processes of their own: devices, browsers and operators that load what is measured.

Each is ``python -m bench.programs.NAME``: options in, lines of JSON out. They speak ``bench.protocol``, and never
import what drives them.
"""
