"""History of readings as charts and exports want it: many readings in few numbers. Reads only, never writes a device.

Data passes from the tables through the pure ``rules`` to whoever asks: devices.web.history over HTTP.
"""
