"""Home Assistant's MQTT discovery, as ESPHome, OpenMQTTGateway, Z-Wave JS UI, EMS-ESP and many others speak it.

    <prefix>/…/config ──configs──> entities (components) of devices (devices)
    the topics that they name ──states, availability──> values, events, presence

One discovery prefix is one source: any of its messages may change what any topic means. Never imports another dialect.
"""
