"""What a Shelly's message changes: in what is remembered of it, and what it says."""

from typing import Any, Final

from msgspec import structs

from bridge.dialects.dialect import Reading, Said, State
from bridge.dialects.forms.json_objects import read_object
from bridge.dialects.forms.texts import label
from bridge.dialects.shelly import prompts
from bridge.dialects.shelly.answers import Answer, read_answer, told
from bridge.dialects.shelly.description import description_of
from bridge.dialects.shelly.gen1 import Said1, read_gen1
from bridge.dialects.shelly.gen2 import Status, events, status
from bridge.dialects.shelly.model import Now, Shelly
from bridge.dialects.shelly.topics import Place
from bridge.json_limits import bare
from bridge.messages import Delivery
from bridge.observations import (
    Cleared,
    Decoded,
    Described,
    Malformed,
    RawReading,
    StatusReported,
    Telemetry,
)

_ONLINE: Final = {b"true": True, b"false": False}
_SETTLE_MS: Final = 2_000  # after a device was first heard: the rest of its first words
_SLEEPERS: Final = (
    "shellyht-",
    "shellydw",
    "shellyflood-",
    "shellysmoke-",
    "shellybutton",
)  # of Gen1, by their usual ids


def read(state: State, delivery: Delivery, place: Place, *, certain: bool) -> Reading:
    """What a message says.

    Args:
        state: of the device.
        delivery: the message.
        place: its topic.
        certain: by its prefix it is a Shelly's; else it has to show it (``src`` on ``events/rpc``).
    """
    if not delivery.payload:
        return (
            Reading((Said(delivery.source, Cleared()),)) if state.model.gen or certain else Reading(rejected="ignored")
        )
    message = _Message(state, delivery, place)
    if place.what != "gen1" and not (certain or message.device.gen or message.shows_itself()):
        return Reading(rejected="unknown_prefix")
    message.read()
    return message.reading()


class _Message:
    """One message of one device; collects what it says."""

    def __init__(self, state: State, delivery: Delivery, place: Place) -> None:
        self.before = state
        self.device: Shelly = state.model
        self.now: Now = state.live
        self.delivery, self.place = delivery, place
        self.said: list[Decoded] = []
        self.reason = "ignored"
        self.malformed: Malformed | None = None

    def shows_itself(self) -> bool:
        """Whether only a Shelly writes so."""
        if self.place.what != "events":
            return False
        found = read_object(self.delivery.payload)
        return isinstance(found, dict) and str(found.get("src")).startswith("shelly")

    def read(self) -> None:
        """Collect all."""
        match self.place.what:
            case "online":
                self._online(self.delivery.payload)
            case "gen1":
                self._gen1()
            case _:
                found = read_object(self.delivery.payload)
                if isinstance(found, Malformed):
                    self.said.append(found)
                else:
                    self._gen2(found)

    def reading(self) -> Reading:
        """What it comes to."""
        if self.said and self.device.gen == 0 and not self._only_presence():
            self._become(structs.replace(self.device, gen=1 if self.place.what == "gen1" else 2))
        state = State(self.device, self.now)
        changed = state.model is not self.before.model or state.live is not self.before.live
        said = tuple(Said(self.delivery.source, one) for one in self.said)
        return Reading(said, "" if said else self.reason, state if changed else None)

    def _only_presence(self) -> bool:
        return all(isinstance(one, Malformed) for one in self.said)

    def _become(self, device: Shelly) -> None:
        """Remember it so; describe it where that is news; ask it where it is new."""
        if not device.prefix:
            device = structs.replace(device, prefix=self.place.prefix)
        if device == self.device:
            return
        is_new = self.device.gen == 0
        self.device = device
        if device.gen:
            self.said.append(Described(description_of(device)))
        if is_new and device.gen and not (device.sleeps and self.delivery.retain):
            self._ask(prompts.all_questions(device))

    def _ask(self, questions: tuple[str, ...]) -> None:
        self.now = prompts.asking(self.now, questions, self.delivery.received_ms + _SETTLE_MS)

    # ------------------------------------------------------------------------------------------- all of them

    def _online(self, payload: bytes) -> None:
        online = _ONLINE.get(bare(payload).strip().lower())
        if online is None:
            self.said.append(Malformed("bad_status", payload[:64].decode(errors="replace"), speaks=False))
        elif self.device.sleeps and not online:
            self.reason = ""  # understood: it sleeps
        else:
            self.said.append(StatusReported(online))

    # ------------------------------------------------------------------------------------------------- Gen2+

    def _gen2(self, found: dict[str, Any]) -> None:
        match self.place.what:
            case "events":
                self._notification(found)
            case "status" if self.place.detail != "rpc":
                self._status(status({self.place.detail: found}, len(self.delivery.payload)))
            case "announce":
                self.said.append(Telemetry(()))
                self._become(told(structs.replace(self.device, gen=2), found))
            case "answer":
                self._answer(read_answer(found, self.device, len(self.delivery.payload)))

    def _notification(self, found: dict[str, Any]) -> None:
        method, params = found.get("method"), found.get("params")
        if not isinstance(params, dict):
            self.said.append(Malformed("not_an_object", "params"))
            return
        if isinstance(found.get("src"), str) and not self.device.serial:
            self.device = structs.replace(self.device, serial=label(found["src"]))
        if method in ("NotifyStatus", "NotifyFullStatus"):  # a tuple: it may be anything, also what has no hash
            self._status(status(params, len(self.delivery.payload)))
            if method == "NotifyFullStatus" and self.device.sleeps and not self.device.model:
                self.now = prompts.asking(self.now, ("describe", "config"), self.delivery.received_ms)
        elif method == "NotifyEvent":
            happened = events(params, len(self.delivery.payload))
            self.said += [Telemetry(()), *happened]
            self._become(structs.replace(self.device, gen=2))
            if any(one.name == "sys.config_changed" for one in happened):
                self._ask(("describe", "config"))

    def _status(self, found: Status) -> None:
        metrics = found.metrics
        self.said.append(Telemetry((RawReading(found.ts_ms, metrics),) if metrics else (), found.notes))
        self.said += found.events
        device = structs.replace(self.device.with_metrics(metrics), gen=2)
        if found.wakeup_s:
            device = structs.replace(device, sleeps=True, sleep_s=found.wakeup_s)
        unknown = [name.partition(".")[0] for name in metrics if name.startswith("bthomesensor:")]
        if any(one not in device.sensors for one in unknown) and device.metrics != self.device.metrics:
            self._ask(("components",))
        self._become(device)

    def _answer(self, answer: Answer | Malformed) -> None:
        if isinstance(answer, Malformed):
            self.said.append(answer)
            return
        if answer.question:
            self.now = prompts.answered(self.now, answer.question)
        self.said.append(answer.ack or Telemetry(()))
        if answer.status:
            self.said.pop()
            self._status(answer.status)
        self._become(structs.replace(answer.device, gen=2, metrics=self.device.metrics))
        if answer.refused and self.device.auth:
            self.now = Now()
            self._ask(("status_update",))

    # -------------------------------------------------------------------------------------------------- Gen1

    def _gen1(self) -> None:
        what = self.place.detail
        if not self.device.sleeps and self.place.prefix.lower().startswith(_SLEEPERS):
            self.device = structs.replace(self.device, sleeps=True)
        if what == "online":
            self._online(self.delivery.payload)
        elif what == "announce":
            self._announced()
        else:
            self._values(read_gen1(what, self.delivery.payload))

    def _values(self, found: Said1 | Malformed | None) -> None:
        if found is None:
            return
        if isinstance(found, Malformed):
            self.said.append(found)
            return
        metrics = found.metrics
        self.said += [Telemetry((RawReading(None, metrics),) if metrics else (), found.notes), *found.events]
        device = self.device.with_metrics(metrics)
        self._become(structs.replace(device, gen=1, sleeps=device.sleeps or found.sleeps))

    def _announced(self) -> None:
        found = read_object(self.delivery.payload)
        if isinstance(found, Malformed):
            self.said.append(found)
            return
        if isinstance(found.get("gen"), int) and found["gen"] > 1:
            return  # a later generation answers shellies/command, too; it says the same on topics of its own
        firmware = label(found.get("fw_ver")).rpartition("/")[2].partition("-")[0]
        texts = {"model": label(found.get("model")), "serial": label(found.get("mac")), "firmware": firmware}
        self.said.append(Telemetry(()))
        self._become(structs.replace(self.device, gen=1, **{key: one for key, one in texts.items() if one}))
