"""Real servers for tests: how one is found or started, killed, cut off and started again; our own processes, too.

Nothing here knows what a test sends through them.
"""
