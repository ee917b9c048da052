"""What a simulated MQTT client is to the fleet that runs it. Pure: time, chance and messages in, actions out."""

from typing import Protocol

from msgspec import Struct


class Publish(Struct, frozen=True):
    """Publish this."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


class Leave(Struct, frozen=True):
    """Break off without DISCONNECT, so that the broker publishes the will; come back after ``seconds``."""

    seconds: float


Action = Publish | Leave


class Client(Protocol):
    """One client: a device, or a bridge with devices behind it."""

    @property
    def name(self) -> str:
        """Part of its MQTT client id; no other's."""

    @property
    def filters(self) -> list[str]:
        """What it subscribes to, at QoS 1."""

    @property
    def will(self) -> Publish:
        """What the broker publishes when it vanishes."""

    @property
    def due_s(self) -> float:
        """When :meth:`tick` wants to be called, in Unix seconds."""

    def connected(self, now_s: float) -> list[Action]:
        """What it says first."""

    def tick(self, now_s: float) -> list[Action]:
        """What is due at ``now_s``."""

    def message(self, topic: str, payload: bytes, now_s: float) -> list[Action]:
        """What it does about a message. Safe to repeat."""

    def farewell(self) -> list[Publish]:
        """Its last words before it disconnects."""
