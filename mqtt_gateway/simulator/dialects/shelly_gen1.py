"""A simulated plug of Shelly's first generation: plain texts below ``shellies/<id>`` (Gen1 API documents, MQTT)."""

import json
from random import Random

from mqtt_gateway.simulator.client import Action, Publish


class Gen1Plug:
    """One plug.

    Args:
        mac: its address.
        rng: its chance.
        interval_s: between two reports of everything.
    """

    def __init__(self, mac: str, rng: Random, interval_s: float) -> None:
        self.mac, self.name = mac, f"shellyplug-s-{mac[-6:].upper()}"
        self._stem = f"shellies/{self.name}"
        self._rng, self._interval_s, self._now_s = rng, interval_s, 0.0
        self.due_s = 0.0
        self.filters = ["shellies/command", f"{self._stem}/command", f"{self._stem}/relay/0/command"]
        self.will = Publish(f"{self._stem}/online", b"false", retain=True)
        self._on, self._energy_wmin = False, 0.0

    def connected(self, now_s: float) -> list[Action]:
        """See the protocol."""
        self._now_s, self.due_s = now_s, now_s + self._interval_s
        return [Publish(f"{self._stem}/online", b"true", retain=True), *self._announce(), *self._report()]

    def tick(self, now_s: float) -> list[Action]:
        """See the protocol."""
        if now_s < self.due_s:
            return []
        self._energy_wmin += self._watts() * max(0.0, now_s - self._now_s) / 60
        self._now_s, self.due_s = now_s, max(self.due_s + self._interval_s, now_s)
        return self._report()

    def message(self, topic: str, payload: bytes, _now_s: float) -> list[Action]:
        """See the protocol."""
        text = payload.decode(errors="replace")
        if topic.endswith("relay/0/command"):
            if text not in {"on", "off", "toggle"}:
                return []
            self._on = not self._on if text == "toggle" else text == "on"
            return [self._said("relay/0", "on" if self._on else "off")]
        return self._announce() if text == "announce" else self._report() if text == "update" else []

    def farewell(self) -> list[Publish]:
        """See the protocol."""
        return [self.will]

    def _watts(self) -> float:
        return 60.0 if self._on else 0.0

    def _announce(self) -> list[Action]:
        info = {
            "id": self.name, "model": "SHPLG-S", "mac": self.mac.upper(), "ip": "192.0.2.86", "new_fw": False,
            "fw_ver": "20230913-112234/v1.14.0-gcb84623",
        }  # fmt: skip
        payload = json.dumps(info, separators=(",", ":")).encode()
        return [Publish(topic, payload, qos=0) for topic in ("shellies/announce", f"{self._stem}/announce")]

    def _report(self) -> list[Action]:
        return [
            self._said("relay/0", "on" if self._on else "off"),
            self._said("relay/0/power", f"{self._watts() * self._rng.uniform(0.98, 1.02):.2f}"),
            self._said("relay/0/energy", f"{self._energy_wmin:.0f}"),
            self._said("temperature", f"{self._rng.uniform(30, 40):.2f}"),
            self._said("overtemperature", "0"),
        ]

    def _said(self, what: str, text: str) -> Publish:
        return Publish(f"{self._stem}/{what}", text.encode(), qos=0)
