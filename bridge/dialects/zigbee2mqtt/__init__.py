"""Zigbee2MQTT 1.x and 2.x: one bridge on a base topic speaks for all devices and groups of its Zigbee network.

    bridge/…  ──bridge──>  who is there (network, exposes), whether the bridge itself is
    <friendly name>[/…]  ──members──>  values of one member, its availability

Never imports another dialect.
"""
