"""What a Tasmota device's message changes: in what is remembered of it, and what it says of which device."""

import re
from collections.abc import Iterable
from typing import Any, Final

from msgspec import structs

from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.tasmota.asking import asking
from bridge.dialects.tasmota.commands import STATUS10
from bridge.dialects.tasmota.description import description_of
from bridge.dialects.tasmota.keys import key_of
from bridge.dialects.tasmota.model import Fleet, Now, Thing, with_metrics
from bridge.dialects.tasmota.payloads import Failed, Values, as_boolean, plain_values, values
from bridge.json_limits import MalformedError, bare, decode_utf8, text_fault
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    CommandFailed,
    Decoded,
    Described,
    Echo,
    EventReported,
    Malformed,
    RawReading,
    Scalar,
    StatusReported,
    Telemetry,
)

_TWICE_MS: Final = 1_500  # RESULT and POWER say the same within that
_MOST_SWITCHED: Final = 4_000
_MOST_UNREAD: Final = 200
_SETTLE_MS: Final = 15_000  # after a new device was heard: by then its discovery came, if it has one
_MOST_BEHIND: Final = 64  # devices in one message
_INNER: Final = {"STATUS8": "StatusSNS", "STATUS10": "StatusSNS", "STATUS11": "StatusSTS"}
_POWER: Final = re.compile(r"POWER\d{0,2}\Z")
_SHUTTER: Final = re.compile(r"SHUTTER(\d{1,2})\Z")
_ADDRESS: Final = re.compile(r"0x([0-9A-Fa-f]{1,4})\Z")
_ABOUT_ZIGBEE: Final = frozenset({"Device", "Name", "Endpoint", "Group", "IEEEAddr", "Manufacturer", "ModelId"})


class Speaker:
    """One message of one device; collects what it says.

    Args:
        state: of the source.
        delivery: the message.
        topic: the device's, with that of a device behind it.
        prefix: stat or tele.
        what: the last level.
        command_stem: the beginning of its command topics.
    """

    def __init__(self, state: State, delivery: Delivery, topic: str, prefix: str, what: str, command_stem: str) -> None:
        self.fleet: Fleet = state.model
        self.now: Now = state.live
        self.delivery, self.topic, self.prefix, self.what = delivery, topic, prefix, what
        self.command_stem = command_stem
        self.said: list[Said] = []
        self.reason = "ignored"

    def read(self) -> Reading:
        """What it says."""
        before_fleet, before_now = self.fleet, self.now
        if not self.delivery.payload:
            return Reading((Said(key_of(self.delivery.source, self.topic), Cleared()),))
        self._speak()
        changed = self.fleet is not before_fleet or self.now is not before_now
        state = State(self.fleet, self.now) if changed else None
        return Reading(tuple(self.said), "" if self.said else self.reason, state)

    def _speak(self) -> None:
        what = self.what
        if what == "LWT":
            self._status()
        elif self.prefix == "tele" and what in {"SENSOR", "STATE"}:
            self._values(values(self.delivery.payload, self._thing))
        elif what in _INNER:
            self._polled(_INNER[what])
        elif what.startswith(("INFO", "STATUS")):
            self._about()
        elif what == "ZbReceived":
            wrapped = b'{"ZbReceived":%b}' % self.delivery.payload  # SetOption118
            self._values(values(wrapped, self._thing))
        elif what == "RESULT" or self.delivery.payload.lstrip()[:1] == b"{":
            self._values(values(self.delivery.payload, self._thing, answer=True))
        elif self.prefix == "stat":
            self._plain()

    # -------------------------------------------------------------------------------------------- the device

    @property
    def _thing(self) -> Thing:
        return self.fleet.things.get(self.topic) or Thing(command_stem=self.command_stem)

    def _say(self, *what: Decoded) -> None:
        device = key_of(self.delivery.source, self.topic)
        self.said += [Said(device, one) for one in what]

    def _become(self, name: str, thing: Thing) -> None:
        """Remember it so, and describe it where that is news."""
        is_new = name not in self.fleet.things
        fleet = self.fleet.with_thing(name, thing)
        if fleet is not self.fleet:
            self.fleet = fleet
            if is_new and not thing.bridge:
                self.now = asking(self.now, name, self.delivery.received_ms + _SETTLE_MS)
            via = key_of(self.delivery.source, thing.bridge) if thing.bridge else ""
            self.said.append(Said(key_of(self.delivery.source, name), Described(description_of(thing, via))))

    # ---------------------------------------------------------------------------------------------- presence

    def _status(self) -> None:
        thing = self._thing
        word = bare(self.delivery.payload).decode(errors="replace")
        if word == thing.offline and thing.sleep_s:
            self.reason = ""  # understood: it sleeps
        elif word in {thing.online, thing.offline}:
            self._say(StatusReported(word == thing.online))
            if word == thing.online and not self.delivery.retain:
                self._become(self.topic, thing)
        else:
            self.reason = "unknown_status_word"
            unread = (*(one for one in self.now.unread if one != self.topic), self.topic)[-_MOST_UNREAD:]
            if unread != self.now.unread:
                self.now = structs.replace(self.now, unread=unread)

    # ------------------------------------------------------------------------------------------------ values

    def _values(self, found: Values | Failed | Malformed) -> None:
        if isinstance(found, Malformed):
            self._say(found)
        elif isinstance(found, Failed):
            self._say(
                EventReported("command_unknown", {"answer": found.word, "input": found.given}),
                CommandFailed(f"{found.word} command {found.given}".strip()),
            )
        elif found.behind:
            self._behind(found)
        else:
            self._own(found)

    def _own(self, found: Values) -> None:
        thing = with_metrics(self._thing, found.metrics, found.units)
        metrics = {self._named(name): value for name, value in found.metrics.items()}
        if found.sleep_s and found.sleep_s != thing.sleep_s:
            thing = structs.replace(thing, sleep_s=found.sleep_s)
        others = found.others
        if self.prefix == "stat" and not self.delivery.retain:
            news = self._news(metrics)
            metrics, others = news, others if news or not metrics else {**metrics, **others}
        self._say(Telemetry((RawReading(found.ts_ms, metrics),) if metrics else (), found.notes), *found.events)
        if others:
            self._say(Echo(others))
        self._become(self.topic, thing)

    def _named(self, metric: str) -> str:
        """A single relay is POWER, also where SetOption26 makes it POWER1."""
        return "POWER" if metric == "POWER1" and len(self._thing.relays) == 1 else metric

    def _news(self, metrics: dict[str, Scalar]) -> dict[str, Scalar]:
        """Without what another topic has said just now; RESULT {"POWER":"OFF"} and POWER OFF are one."""
        at_ms, switched = self.delivery.received_ms, self.now.switched
        powers = {f"{self.topic} {name}": value for name, value in metrics.items() if _POWER.match(name)}
        if not powers:
            return metrics
        old = {
            key
            for key, value in powers.items()
            if key in switched and switched[key][0] == value and 0 <= at_ms - switched[key][1] <= _TWICE_MS
        }
        if len(old) == len(powers) == len(metrics):
            return {}
        kept = {key: one for key, one in switched.items() if key not in powers}
        if len(kept) >= _MOST_SWITCHED:
            kept = {}
        self.now = structs.replace(
            self.now, switched={**kept, **{key: (value, at_ms) for key, value in powers.items()}}
        )
        return metrics

    def _polled(self, inner: str) -> None:
        self._values(values(self.delivery.payload, self._thing, inner=inner))
        if any(isinstance(one.what, Malformed) for one in self.said):
            return
        if self.what == "STATUS10" and not self.delivery.retain:
            self._say(Echo({STATUS10: True}))
        if self.topic in self.now.asked:
            rest = {topic: asked for topic, asked in self.now.asked.items() if topic != self.topic}
            self.now = structs.replace(self.now, asked=rest)

    def _plain(self) -> None:
        """``stat/plug/POWER`` ``OFF``, ``stat/blind/SHUTTER1`` ``40``."""
        try:
            text = decode_utf8(bare(self.delivery.payload))
        except MalformedError as bad:
            self._say(bad.malformed)
            return
        if _POWER.match(self.what):
            value = as_boolean(text, self._thing)
            metrics: dict[str, Scalar] = {self.what: value} if isinstance(value, bool) else {}
        elif (shutter := _SHUTTER.match(self.what)) and text.isdecimal() and len(text) <= 3:
            metrics = {f"Shutter{shutter[1]}.Position": int(text)}
        else:
            metrics = {}
        if metrics:
            self._own(Values(None, metrics, {}, ()))

    # ------------------------------------------------------------------------------------------- other things

    def _about(self) -> None:
        """INFO1 … at boot, STATUS, STATUS2, STATUS5 when asked: what it is, where no discovery tells."""
        found = read_object(self.delivery.payload)
        if isinstance(found, Malformed):
            self._say(found)
            return
        inner: dict[str, Any] = next((one for one in found.values() if isinstance(one, dict)), found)
        thing = self._thing
        if not thing.discovered:
            thing = _told(thing, inner)
        events: Iterable[Decoded] = ()
        if isinstance(inner.get("RestartReason"), str):
            events = (EventReported("restarted", {"reason": inner["RestartReason"][:200]}),)
        self._say(Telemetry(()), *events)
        self._become(self.topic, thing)

    def _behind(self, found: Values) -> None:
        """Devices behind a Zigbee bridge. Their address may stand in the topic, too (SetOption89)."""
        names = set(found.behind)
        names |= {str(one.get(member)) for one in found.behind.values() for member in ("Device", "Name")}
        outer, _, last = self.topic.rpartition("/")
        if outer and (last in names or f"0x{last}" in names):
            self.topic = outer
        self._say(Telemetry(()))
        self._become(self.topic, self._thing)
        for name, one in list(found.behind.items())[:_MOST_BEHIND]:
            self._child(name, one, found)

    def _child(self, called: str, one: dict[str, Any], found: Values) -> None:
        address = _ADDRESS.match(str(one.get("Device", called)))
        if address is None:
            return
        name = f"{self.topic}.{address[1].upper()}"
        plain = {key: value for key, value in one.items() if key not in _ABOUT_ZIGBEE}
        metrics, notes = plain_values(plain, len(self.delivery.payload))
        thing = self.fleet.things.get(name) or Thing(bridge=self.topic)
        texts = {key: one[key][:64] for key in ("Name", "ModelId", "Manufacturer") if isinstance(one.get(key), str)}
        thing = structs.replace(
            thing,
            name=texts.get("Name", thing.name),
            model=texts.get("ModelId", thing.model),
            serial=f"0x{address[1].upper()}",
        )
        reading = RawReading(found.ts_ms, metrics)
        self.said.append(Said(key_of(self.delivery.source, name), Telemetry((reading,) if metrics else (), notes)))
        self._become(name, with_metrics(thing, metrics, found.units))


def _told(thing: Thing, inner: dict[str, Any]) -> Thing:
    """The device with what INFO and STATUS tell: Module, Version, DeviceName or FriendlyName, Mac."""
    names = inner.get("FriendlyName")
    first = names[0] if isinstance(names, list) and names else names
    texts = {
        "name": inner.get("DeviceName") or first,
        "model": inner.get("Module"),
        "firmware": inner.get("Version"),
        "serial": inner.get("Mac"),
    }
    good = {key: text[:64] for key, text in texts.items() if isinstance(text, str) and text and not text_fault(text)}
    if "firmware" in good:
        good["firmware"] = good["firmware"].partition("(")[0]
    if "serial" in good:
        good["serial"] = good["serial"].replace(":", "").upper()
    return structs.replace(thing, **good) if good else thing
