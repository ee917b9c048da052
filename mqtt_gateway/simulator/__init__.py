"""Simulated devices over real MQTT (paho-mqtt): they report, obey commands and desired state, and sometimes drop off.

Does: kinds of devices with believable telemetry (``kinds``), what a device does and says (``device``, pure), a fleet of
them on one event loop (``fleet``); devices of other dialects (``dialects``).
Never: uses the gateway's own code or tables: to Causeway these are foreign devices.
"""

from mqtt_gateway.simulator.fleet import SimulatorError, simulate
from mqtt_gateway.simulator.options import SimulatorOptions

__all__ = ["SimulatorError", "SimulatorOptions", "simulate"]
