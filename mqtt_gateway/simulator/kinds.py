"""Kinds of devices: what they measure, as daily curves, slow wandering and noise. Pure: time and chance are passed in.

Metrics of one device belong together: a pump that runs faster moves more water, warms up and shakes more.
"""

import math
from abc import ABC, abstractmethod
from random import Random
from typing import Any, ClassVar, Final

Metrics = dict[str, Any]  # telemetry's JSON object

_DAY_S: Final = 86_400


def day_curve(now_s: float, peak_hour: float) -> float:
    """-1 … 1, highest at ``peak_hour`` UTC. ``now_s``: Unix seconds."""
    return math.cos((now_s % _DAY_S / 3600 - peak_hour) / 24 * math.tau)


class Wander:
    """A value that wanders around 0 and comes back (Ornstein-Uhlenbeck).

    Args:
        rng: chance.
        spread: its standard deviation in the long run.
        memory_s: how long it remembers where it was.
    """

    def __init__(self, rng: Random, spread: float, memory_s: float) -> None:
        self._rng, self._spread, self._memory_s = rng, spread, memory_s
        self.value = rng.gauss(0, spread)

    def step(self, dt_s: float) -> float:
        """Its value ``dt_s`` later."""
        keep = math.exp(-dt_s / self._memory_s)
        self.value = self.value * keep + self._rng.gauss(0, self._spread) * math.sqrt(1 - keep * keep)
        return self.value


class Kind(ABC):
    """One device's physics. Subclasses set the class attributes and write :meth:`measure`.

    Args:
        rng: the device's own chance.
    """

    name: ClassVar[str]  # of the kind; devices are called ``{name}-{number}``
    target: ClassVar[tuple[float, float, float] | None] = None  # default, lowest, highest of the set point
    events: ClassVar[tuple[str, ...]] = ("button",)  # what happens now and then

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.set_point = self.target[0] if self.target else 0.0
        self._slow = Wander(rng, 1, 900)
        self._quick = Wander(rng, 1, 20)

    @abstractmethod
    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """The metrics at ``now_s`` (Unix seconds), ``dt_s`` after the last time."""

    def event_data(self, event: str) -> Metrics:
        """What an event carries."""
        return {"presses": self.rng.choice((1, 1, 1, 2))} if event == "button" else {}

    def _noise(self, spread: float) -> float:
        return self.rng.gauss(0, spread)


class Thermostat(Kind):
    """Heats a room towards its target; heat leaks out, more in the small hours."""

    name = "thermostat"
    target = (21.0, 5.0, 30.0)

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._room = self.set_point + rng.uniform(-2, 1)
        self._heating = rng.random() < 0.5

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """Two-point control with half a degree of play."""
        outside = 9 + 5 * day_curve(now_s, 14) + self._slow.step(dt_s)
        self._heating = self._room < self.set_point + (0.25 if self._heating else -0.25)
        step_s = min(dt_s, 60)
        self._room += step_s * ((0.02 if self._heating else 0) - (self._room - outside) / 4_000)
        return {
            "temperature": round(self._room + self._noise(0.03), 2),
            "humidity": round(48 - 1.5 * (self._room - 20) + 2 * self._quick.step(dt_s), 1),
            "target": self.set_point,
            "heating": self._heating,
            "valve": round(min(100.0, max(0.0, 60 * (self.set_point - self._room) + 40)) if self._heating else 0, 0),
        }


class Pump(Kind):
    """Keeps its target pressure; demand follows the day."""

    name = "pump"
    target = (4.0, 1.0, 8.0)
    events = ("button", "overheated")

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._motor = 40.0 + rng.uniform(0, 15)
        self._hours = rng.uniform(100, 9_000)

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """Speed follows demand; the motor follows the speed, slowly."""
        demand = 0.55 + 0.25 * day_curve(now_s, 19) + 0.1 * self._slow.step(dt_s) + 0.05 * self._quick.step(dt_s)
        load = min(1.0, max(0.05, demand * self.set_point / 4))
        self._motor += (38 + 45 * load - self._motor) * (1 - math.exp(-dt_s / 300))
        self._hours += dt_s / 3600
        return {
            "flow_l_min": round(120 * load + self._noise(0.8), 1),
            "pressure_bar": round(self.set_point + self._noise(0.04), 2),
            "rpm": round(2_900 * (0.4 + 0.6 * load) + self._noise(6)),
            "motor_temperature": round(self._motor + self._noise(0.1), 1),
            "vibration_mm_s": round(max(0.1, 0.6 + 2.2 * load**2 + self._noise(0.08)), 2),
            "running_hours": round(self._hours, 2),
        }

    def event_data(self, event: str) -> Metrics:
        """Overheated: how hot."""
        return {"motor_temperature": round(self._motor + 25, 1)} if event == "overheated" else super().event_data(event)


class Inverter(Kind):
    """A solar inverter under passing clouds. Sends its own time."""

    name = "inverter"
    events = ("grid-lost",)

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._peak_w = rng.choice((3_000, 5_000, 8_000))
        self._energy_kwh = rng.uniform(500, 20_000)

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """Never quite dark: a demo at night should move, too."""
        sun = max(0.08, day_curve(now_s, 12))
        clouds = 0.8 + 0.15 * self._slow.step(dt_s) + 0.08 * self._quick.step(dt_s)
        power = self._peak_w * sun * min(1.0, max(0.1, clouds))
        self._energy_kwh += power * dt_s / 3.6e6
        voltage = 230 + 4 * power / self._peak_w + self._noise(0.3)
        return {
            "ts": round(now_s * 1000),
            "power_w": round(power, 1),
            "grid": {"voltage_v": round(voltage, 1), "frequency_hz": round(50 + self._noise(0.01), 3)},
            "current_a": round(power / voltage, 2),
            "energy_kwh": round(self._energy_kwh, 3),
            "temperature": round(22 + 30 * power / self._peak_w + self._noise(0.2), 1),
        }


class AirQuality(Kind):
    """A battery sensor in an office: people come, breathe and leave."""

    name = "air-quality"

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._co2 = 600.0 + rng.uniform(-150, 300)
        self._battery = rng.uniform(40, 100)

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """CO2 follows the people; fine dust does not care."""
        people = max(0.0, 6 + 8 * day_curve(now_s, 13) + 4 * self._slow.step(dt_s))
        self._co2 += (430 + 70 * people - self._co2) * (1 - math.exp(-dt_s / 400))
        self._battery = max(1.0, self._battery - dt_s / 50_000)
        dust = max(1.0, 9 + 3 * self._quick.step(dt_s))
        return {
            "co2_ppm": round(self._co2 + self._noise(4)),
            "pm2_5": round(dust, 1),
            "pm10": round(dust * 1.6 + abs(self._noise(0.4)), 1),
            "temperature": round(20.5 + people / 8 + self._noise(0.05), 2),
            "humidity": round(40 + people / 2 + self._noise(0.3), 1),
            "battery": round(self._battery, 1),
        }


class ColdStore(Kind):
    """A freezer whose door is opened now and then."""

    name = "cold-store"
    target = (-18.0, -30.0, -5.0)
    events = ("door-opened",)

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._inside = self.set_point + rng.uniform(-1, 2)
        self._open_s = 0.0
        self._cooling = False

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """The compressor cycles; an open door lets it fall behind."""
        if self._open_s <= 0 and self.rng.random() < dt_s / 240 * (1.2 + day_curve(now_s, 11)):
            self._open_s = self.rng.uniform(5, 40)
        self._open_s -= dt_s
        door_open = self._open_s > 0
        self._cooling = self._inside > self.set_point + (-0.6 if self._cooling else 0.6)
        step_s = min(dt_s, 60)
        self._inside += step_s * ((0.05 if door_open else 0.006) - (0.022 if self._cooling else 0))
        return {
            "temperature": round(self._inside + self._noise(0.04), 2),
            "door_open": door_open,
            "compressor": self._cooling,
            "power_w": round((310 if self._cooling else 14) + self._noise(3), 1),
            "mode": "cooling" if self._cooling else "idle",
        }


class Meter(Kind):
    """A three-phase power meter of a workshop; nested metrics."""

    name = "meter"
    events = ("overload",)

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._energy_kwh = rng.uniform(1_000, 90_000)
        self._machines = [Wander(rng, 1, 60) for _ in range(3)]

    def measure(self, now_s: float, dt_s: float) -> Metrics:
        """Three phases, each with its own machines."""
        base = 1_400 + 900 * day_curve(now_s, 11)
        powers = [max(60.0, base / 3 * (1 + 0.5 * machine.step(dt_s))) for machine in self._machines]
        self._energy_kwh += sum(powers) * dt_s / 3.6e6
        return {
            "power_w": round(sum(powers), 1),
            "energy_kwh": round(self._energy_kwh, 3),
            **{f"l{number}": self._phase(power) for number, power in enumerate(powers, 1)},
        }

    def _phase(self, power_w: float) -> Metrics:
        voltage = 232 - power_w / 800 + self._noise(0.2)
        return {"power_w": round(power_w, 1), "voltage_v": round(voltage, 1), "current_a": round(power_w / voltage, 2)}


KINDS: Final[tuple[type[Kind], ...]] = (Thermostat, Pump, Inverter, AirQuality, ColdStore, Meter)
