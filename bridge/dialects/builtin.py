"""The dialects that come with Causeway, by the names that the setting DIALECTS gives them.

    native,tasmota@home,zigbee2mqtt=z2m/ground@home,zigbee2mqtt=z2m/attic@home
           name   site  name        base      site

Each is imported only where it is spoken: a process without it is not larger for it. A factory gets all bases of its
dialect, and raises ValueError for a base that it can't work with. No message quotes what was set: somebody may have put
a password there.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from bridge.dialects.dialect import Base, Dialect
from bridge.dialects.native.control_topics import CONTROLS
from bridge.names import is_name
from bridge.topic_filters import topic_name_error

NATIVE_NAME: Final = "native"  # in the setting; on the layer and in tables it is dialect.NATIVE
MOST_ENTRIES: Final = 100
_ENCODED: Final = re.compile(r"%(25|2[Cc]|40)")  # what must, or may, be encoded in a base; Tasmota's %topic% is not


class Enabled(Struct, frozen=True):
    """One dialect with all its bases, in the order of the setting."""

    name: str
    bases: tuple[Base, ...]
    is_born: bool = False  # of homeassistant: publish Home Assistant's birth where there is none


NATIVE_ALONE: Final = (Enabled(NATIVE_NAME, (Base(NATIVE_NAME),)),)
Factory = Callable[..., Dialect]  # from its bases and the first level of Causeway's own topics


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


def _homeassistant(bases: Sequence[Base], topic_root: str, *, is_born: bool = False) -> Dialect:
    from bridge.dialects.homeassistant.dialect import HomeAssistantDialect

    return HomeAssistantDialect(bases, topic_root, is_born=is_born)


def _thingsboard(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.others.thingsboard import ThingsBoardDialect

    return ThingsBoardDialect(bases, topic_root)


def _shelly(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.shelly.dialect import ShellyDialect

    return ShellyDialect(bases, topic_root)


def _rtl433(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.others.rtl433 import Rtl433Dialect

    return Rtl433Dialect(bases, topic_root)


def _frigate(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.others.frigate import FrigateDialect

    return FrigateDialect(bases, topic_root)


def _controls(bases: Sequence[Base], topic_root: str) -> Dialect:
    from bridge.dialects.native.controls_dialect import ControlsDialect

    return ControlsDialect(bases, topic_root)


FACTORIES: Final[dict[str, Factory]] = {
    "native": _native,
    "tasmota": _tasmota,
    "homeassistant": _homeassistant,
    "shelly": _shelly,
    "homie": _homie,
    "zigbee2mqtt": _zigbee2mqtt,
    "sparkplug": _sparkplug,
    "owntracks": _owntracks,
    "rtl433": _rtl433,
    "frigate": _frigate,
    "chirpstack": _chirpstack,
    "tts": _tts,
    "thingsboard": _thingsboard,
}
_INNER: Final[dict[str, Factory]] = {CONTROLS: _controls}  # that no setting names: they go with another one


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
        factory = FACTORIES.get(one.name) or _INNER.get(one.name)
        if factory is None:
            raise ValueError(f"there is a name that is none of {', '.join(FACTORIES)}")
        try:
            options = {"is_born": True} if one.is_born else {}
            made.append(factory(one.bases, topic_root, **options))
        except ValueError as error:
            raise ValueError(f"{one.name}: {error}") from None
    return tuple(made)


def with_controls(enabled: Sequence[Enabled], discovery_prefix: str) -> tuple[Enabled, ...]:
    """The dialects that are spoken where native devices are exported to a Home Assistant with this discovery prefix."""
    return (*enabled, Enabled(CONTROLS, (Base("", discovery_prefix),))) if discovery_prefix else tuple(enabled)


def parse_dialects(text: str) -> tuple[Enabled, ...]:
    """What DIALECTS says; a dialect stands where it is named first.

    Raises:
        ValueError: which entry is wrong, and how.
    """
    entries = [part.strip() for part in text.split(",") if part.strip()]
    if not entries:
        raise ValueError("it names no dialect")
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"more than {MOST_ENTRIES} entries")
    bases: dict[str, list[Base]] = {}
    for number, entry in enumerate(entries, 1):
        try:
            name, base = _entry(entry)
            if any(base.base == other.base for other in bases.get(name, ())):
                raise ValueError(f"{name} stands there with the same base before")  # noqa: TRY301 - one prefix for all
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
        bases.setdefault(name, []).append(base)
    return tuple(Enabled(name, tuple(its)) for name, its in bases.items())


def _entry(entry: str) -> tuple[str, Base]:
    spoken, at, site = entry.partition("@")
    name, equals, base = spoken.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9]{0,31}", name):
        raise ValueError("it is not like name, name@site, name=base or name=base@site")
    if name == NATIVE_NAME and (equals or at):
        raise ValueError("native has neither base nor site: its topics say the site, BRIDGE_TOPIC_ROOT the first level")
    if at and not is_name(site):
        raise ValueError("a site has 1 to 64 of A-Z a-z 0-9 _ - . : (an @ or , within a base is %40 or %2C)")
    return name, Base(site or name, _base(base) if equals else "")


def _base(encoded: str) -> str:
    base = _ENCODED.sub(lambda found: chr(int(found[1], 16)), encoded)
    if problem := topic_name_error(base) or ("it begins with $" if base.startswith("$") else None):
        raise ValueError(f"its base is no part of a topic name: {problem}")
    return base
