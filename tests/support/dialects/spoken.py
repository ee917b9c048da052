"""The dialects that have corpora, each with the bases under which its corpora are played. One line a dialect."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from bridge.dialects.dialect import Base, Dialect
from bridge.dialects.homeassistant.dialect import HomeAssistantDialect
from bridge.dialects.homie.dialect import HomieDialect
from bridge.dialects.lorawan.chirpstack import ChirpStackDialect
from bridge.dialects.lorawan.tts import TtsDialect
from bridge.dialects.others.frigate import FrigateDialect
from bridge.dialects.others.owntracks import OwnTracksDialect
from bridge.dialects.others.rtl433 import Rtl433Dialect
from bridge.dialects.others.thingsboard import ThingsBoardDialect
from bridge.dialects.shelly.dialect import ShellyDialect
from bridge.dialects.sparkplug.dialect import SparkplugDialect
from bridge.dialects.tasmota.dialect import TasmotaDialect
from bridge.dialects.zigbee2mqtt.dialect import Zigbee2MqttDialect
from tests.support.dialects.rows import lines

Factory = Callable[[Sequence[Base], str], Dialect]  # from the bases and the topic root


class Spoken(Struct, frozen=True):
    """One dialect."""

    factory: Factory
    bases: tuple[Base, ...]
    corpora: tuple[str, ...]

    def dialect(self) -> Dialect:
        """It, with its bases."""
        return self.factory(self.bases, "devices")


HOME: Final = (Base("home"),)
SPOKEN: Final = {
    "thingsboard": Spoken(ThingsBoardDialect, (Base("site"),), ("thingsboard",)),
    "chirpstack": Spoken(ChirpStackDialect, HOME, ("chirpstack",)),
    "tts": Spoken(TtsDialect, HOME, ("tts",)),
    "sparkplug": Spoken(SparkplugDialect, (Base("plant"),), ("sparkplug",)),
    "homeassistant": Spoken(HomeAssistantDialect, HOME, ("ha-discovery", "esphome")),
    "homie": Spoken(HomieDialect, HOME, ("homie",)),
    "zigbee2mqtt": Spoken(Zigbee2MqttDialect, (*HOME, Base("home", "z1"), Base("home", "z2")), ("zigbee2mqtt",)),
    "shelly": Spoken(ShellyDialect, (*HOME, Base("home", "keller/zaehler")), ("shelly1", "shelly2")),
    "frigate": Spoken(FrigateDialect, HOME, ("frigate",)),
    "rtl433": Spoken(Rtl433Dialect, HOME, ("rtl433",)),
    "tasmota": Spoken(TasmotaDialect, HOME, ("tasmota",)),
    "owntracks": Spoken(OwnTracksDialect, HOME, ("owntracks",)),
}


def by_corpus() -> dict[str, Spoken]:
    """Which dialect reads a corpus."""
    return {corpus: spoken for spoken in SPOKEN.values() for corpus in spoken.corpora}


def numbered(kind: str, *, stored_first: bool = False) -> list[tuple[str, int]]:
    """The lines of all ``<corpus>.<kind>.jsonl``: corpus, index.

    Args:
        kind: "expected" or "commands".
        stored_first: only those that hold where stored messages come first.
    """
    return [
        (corpus, index)
        for corpus in by_corpus()
        for index, line in enumerate(lines(f"{corpus}.{kind}"))
        if not stored_first or line.get("stored_first", True)
    ]
