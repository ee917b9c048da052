"""LoRaWAN network servers: ChirpStack v4 and The Things Stack. The source is the device; the server speaks for it.

Uplinks come decoded by the server's codecs; a downlink waits for the next uplink, and is never sent twice. Pure.
"""
