"""Who this gateway is: its lease, heartbeat, stored state and incidents.

The only folder of the gateway that writes the database.
"""
