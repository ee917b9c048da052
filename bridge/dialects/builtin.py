"""The dialects that come with Causeway, by the names that the setting DIALECTS gives them.

Each is imported only where it is spoken: a process without it is not larger for it. A factory gets all bases of its
dialect, and raises ValueError for a base that it can't work with, in words that don't quote the base.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bridge.dialects.dialect import Base, Dialect
from bridge.dialects.enabled import Enabled

Factory = Callable[[Sequence[Base], str], Dialect]  # from its bases and the first level of Causeway's own topics


def _native(_bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.native.dialect import NativeDialect

    return NativeDialect(topic_root)


def _homie(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.homie.dialect import HomieDialect

    return HomieDialect(bases, topic_root)


def _zigbee2mqtt(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.zigbee2mqtt.dialect import Zigbee2MqttDialect

    return Zigbee2MqttDialect(bases, topic_root)


def _sparkplug(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.sparkplug.dialect import SparkplugDialect

    return SparkplugDialect(bases, topic_root)


def _tasmota(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.tasmota.dialect import TasmotaDialect

    return TasmotaDialect(bases, topic_root)


def _owntracks(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.others.owntracks import OwnTracksDialect

    return OwnTracksDialect(bases, topic_root)


def _chirpstack(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.lorawan.chirpstack import ChirpStackDialect

    return ChirpStackDialect(bases, topic_root)


def _tts(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.lorawan.tts import TtsDialect

    return TtsDialect(bases, topic_root)


def _homeassistant(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.homeassistant.dialect import HomeAssistantDialect

    return HomeAssistantDialect(bases, topic_root)


def _thingsboard(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.others.thingsboard import ThingsBoardDialect

    return ThingsBoardDialect(bases, topic_root)


FACTORIES: Final[dict[str, Factory]] = {
    "native": _native,
    "tasmota": _tasmota,
    "homeassistant": _homeassistant,
    "homie": _homie,
    "zigbee2mqtt": _zigbee2mqtt,
    "sparkplug": _sparkplug,
    "owntracks": _owntracks,
    "chirpstack": _chirpstack,
    "tts": _tts,
    "thingsboard": _thingsboard,
}


def built_in(enabled: Iterable[Enabled], topic_root: str) -> tuple[Dialect, ...]:
    """The dialects that are spoken, in their order.

    Args:
        enabled: what the setting says.
        topic_root: the first level of Causeway's own topics; others take and name none under it.

    Raises:
        ValueError: which of them does not exist, or can't be so, and why; nothing of the setting's text is quoted.
    """
    made = []
    for one in enabled:
        factory = FACTORIES.get(one.name)
        if factory is None:
            raise ValueError(f"there is a name that is none of {', '.join(FACTORIES)}")
        try:
            made.append(factory(one.bases, topic_root))
        except ValueError as error:
            raise ValueError(f"{one.name}: {error}") from None
    return tuple(made)
