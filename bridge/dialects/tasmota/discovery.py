"""Tasmota's discovery, ``tasmota/discovery/<MAC>/config|sensors``: what a device is (xdrv_12_discovery.ino).

What a config says is a device's word: its topics are checked before anything is published or subscribed to there.
"""

import re
from typing import Any, Final

from msgspec import Struct

from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.forms.seen import kind_of
from bridge.dialects.tasmota.model import Announced, Thing
from bridge.dialects.tasmota.patterns import pattern_error
from bridge.dialects.tasmota.payloads import sensors
from bridge.json_limits import text_fault
from bridge.observations import Malformed

_MAC: Final = re.compile(r"[0-9A-F]{12}\Z")
_TOPIC: Final = re.compile(r"[^+#\0/\s$][^+#\0\n]{0,63}\Z")
_PREFIX: Final = re.compile(r"[^+#\0/\s$%]{1,32}\Z")
_MAX_TEXT: Final = 64
_MAX_RELAYS: Final = 32
_USUAL_SLEEP_S: Final = 300


class Config(Struct, frozen=True):
    """A config understood."""

    topic: str
    thing: Thing
    stems: tuple[tuple[str, str], ...]  # prefix (tele, stat) and the beginning of the topics there


def is_mac(text: str) -> bool:
    """Whether it is a MAC as discovery topics have it."""
    return _MAC.match(text) is not None


def read_config(payload: bytes, mac: str) -> Config | Malformed:
    """What a config says. Members that are missing or strange are as if unknown, but topics must be there."""
    found = read_object(payload)
    if isinstance(found, Malformed):
        return found
    topic, full, prefixes = found.get("t"), found.get("ft"), found.get("tp")
    if not (isinstance(topic, str) and _TOPIC.match(topic) and not text_fault(topic)):
        return Malformed("bad_text", "t is no topic")
    if not (isinstance(full, str) and isinstance(prefixes, list) and len(prefixes) == 3):
        return Malformed("bad_text", "ft and tp don't tell its topics")
    if problem := pattern_error(full):
        return Malformed("bad_text", f"ft: {problem}")
    if not all(isinstance(one, str) and _PREFIX.match(one) for one in prefixes) or len(set(prefixes)) < 3:
        return Malformed("bad_text", "tp are no three levels")
    hostname = _text(found.get("hn"))
    cmnd, stat, tele = (_stem(full, prefix, topic, hostname, mac) for prefix in prefixes)
    return Config(topic, _thing(found, mac, cmnd), (("tele", tele), ("stat", stat)))


def read_sensors(payload: bytes) -> Announced | Malformed:
    """Which metrics its sensors have."""
    found = read_object(payload)
    if isinstance(found, Malformed):
        return found
    inner = found.get("sn")
    if not isinstance(inner, dict):
        return Malformed("not_an_object", "sn")
    said = sensors(inner, len(payload))
    return Announced({name: kind_of(value) for name, value in said.metrics.items() if value is not None}, said.units)


def _stem(full: str, prefix: str, topic: str, hostname: str, mac: str) -> str:
    tokens = {"%prefix%": prefix, "%topic%": topic, "%hostname%": hostname, "%id%": mac[-6:]}
    for token, text in tokens.items():
        full = full.replace(token, text)
    return full.rstrip("/") + "/"


def _thing(found: dict[str, Any], mac: str, command_stem: str) -> Thing:
    relays = found.get("rl") if isinstance(found.get("rl"), list) else []
    kinds = tuple(one if type(one) is int and 0 <= one <= 3 else 0 for one in (relays or ())[:_MAX_RELAYS])
    while kinds and not kinds[-1]:
        kinds = kinds[:-1]
    words = found.get("state")
    options = found.get("so")
    return Thing(
        command_stem=command_stem,
        name=_text(found.get("dn")),
        model=_text(found.get("md")),
        firmware=_text(found.get("sw")),
        serial=mac,
        online=_text(found.get("onln")) or "Online",
        offline=_text(found.get("ofln")) or "Offline",
        words=_words(words),
        relays=kinds,
        labels=_labels(found.get("fn"), kinds),
        reduced_ct=isinstance(options, dict) and options.get("82") == 1,
        sleep_s=_sleep_s(found.get("dslp")),
        discovered=True,
    )


def _sleep_s(dslp: Any) -> int:
    """How long it sleeps: at least 10 s. (A 1 says that it does, and nothing of how long.)"""
    if type(dslp) is not int or not 0 < dslp < 10_000_000:
        return 0
    return dslp if dslp >= 10 else _USUAL_SLEEP_S


def _words(words: Any) -> tuple[str, str, str]:
    texts = [_text(one) for one in words[:3]] if isinstance(words, list) else []
    return (texts[0], texts[1], texts[2]) if len(texts) == 3 and all(texts) else ("OFF", "ON", "TOGGLE")


def _labels(names: Any, relays: tuple[int, ...]) -> dict[str, str]:
    """Friendly names of the relays, where there are several."""
    if not isinstance(names, list) or sum(1 for one in relays if one in {1, 2}) < 2:
        return {}
    return {f"POWER{index}": _text(name) for index, name in enumerate(names[:_MAX_RELAYS], start=1) if _text(name)}


def _text(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) and not text_fault(value) else ""
