"""The five-minute demo: broker, gateway, workers, web and a simulated fleet in one process, without services.

Never used in production: its broker forgets, and its channel layer lives in memory. Composes what the apps offer.
"""
