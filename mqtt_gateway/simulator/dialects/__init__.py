"""Simulated clients of each dialect, one module a dialect, by the dialect's name. Pure; they import no dialect of ours.

A module's ``clients(options)`` makes all clients of one simulation. To the bridge they are foreign devices: what they
say and obey is written from the makers' documents, not from the code that reads it.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from mqtt_gateway.simulator.client import Client
from mqtt_gateway.simulator.options import SimulatorOptions

NAMES: Final = ("native", "tasmota", "shelly", "zigbee2mqtt", "homeassistant", "homie", "sparkplug")


def clients(options: SimulatorOptions) -> Sequence[Client]:
    """All clients of a simulation."""
    make: Callable[[SimulatorOptions], Sequence[Client]] = import_module(f"{__name__}.{options.dialect}").clients
    return make(options)
