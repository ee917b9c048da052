"""One MQTT connection, behind one interface (broker.py). The only folder that knows aiomqtt and paho.

Packets come in and go out; knows no topic's meaning.
"""
