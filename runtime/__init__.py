"""What every process of ours runs on, whatever it does: database, clocks, outages, logs, channel layers, HTTP server.

Impure, and without knowledge of devices, brokers or browsers: it imports nothing of ours. Whatever it needs of a domain
is handed in. Data passes: settings and calls come in, connections, threads and log lines go out.
"""
