"""Causeway's own dialect: devices of mqtt_gateway.simulator.device below ``{root}/{site}/{device}``."""

from collections.abc import Iterable
from random import Random

from bridge.dialects.native.topics import NativeTopics
from mqtt_gateway.simulator.client import Action, Publish
from mqtt_gateway.simulator.device import Action as DeviceAction
from mqtt_gateway.simulator.device import Say, SimulatedDevice
from mqtt_gateway.simulator.kinds import KINDS
from mqtt_gateway.simulator.options import SimulatorOptions


def clients(options: SimulatorOptions) -> list["NativeClient"]:
    """As many devices as are asked for, of each kind in turn."""
    return [NativeClient(options, number) for number in range(options.devices)]


class NativeClient:
    """One device.

    Args:
        options: of the simulation.
        number: from 0.
    """

    def __init__(self, options: SimulatorOptions, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        self.name = f"{kind.name}-{number // len(KINDS) + 1:03}"
        rng = Random(f"{options.seed}:{self.name}") if options.seed is not None else Random()
        self._device = SimulatedDevice(self.name, kind(rng), rng, 1 / options.rate)
        self._topics, self._key = NativeTopics(options.topic_root), f"{options.site}/{self.name}"
        self._stem = f"{options.topic_root}/{self._key}/"
        self.filters = [self._topics.command(self._key, "+", "+"), self._topics.desired(self._key)]
        self.will = Publish(self._topics.uplink(self._key, "status"), b"offline", retain=True)

    @property
    def due_s(self) -> float:
        """See the protocol."""
        return self._device.due_s

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        return self._published(self._device.connected(now_s))

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        return self._published(self._device.tick(now_s))

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """See the protocol."""
        levels = topic.split("/")[3:]
        if levels == ["desired"]:
            return self._published(self._device.desired(payload))
        if len(levels) == 3:
            return self._published(self._device.command(levels[1], levels[2], payload, now_s))
        return []

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def _published(self, actions: Iterable[DeviceAction]) -> list[Action]:
        return [
            Publish(self._stem + one.suffix, one.payload, one.retain) if isinstance(one, Say) else one
            for one in actions
        ]
