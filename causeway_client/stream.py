"""The stream rule (docs/websocket.md) without socket or clock: frames in, device states and changes out. Pure.

For each device: no gap, no repeat, no reordering; ``prev`` and ``rev`` prove it. *Old snapshot + deltas = fresh
snapshot*, always. The same rules in JavaScript: ``causeway/stream.js``.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .changes import Alert, Change, Command, Delta, Event, Frame, Gone, Link, Snapshot, State
from .errors import StreamBrokenError

RESUME_BYTES: Final = 200_000  # of revs in a subscribe frame; the server takes 256 KiB
_NOTHING_KNOWN: Final[State] = {
    "metrics": {},
    "reported": {},
    "desired": {},
    "desired_version": 0,
    "presence": {"status": "unknown", "since": 0, "why": "never_seen"},
    "tags": [],
}
_BEGINNING: Final = ("subscribe", "new")


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2. Makes a new value, which shares what the patch leaves alone."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge_patch(out.get(name), value)
    return out


def link(frame: Frame) -> Link:
    """A ``link`` frame's content."""
    more = {name: frame[name] for name in ("gateway", "layer", "database", "fresh") if name in frame}
    return Link(frame["broker"], frame["workers"], frame["since"], **more)


class Stream:
    """What one subscription has been told.

    Args:
        devices: what is known from before: ``devices`` of an earlier stream.
        complete: whether that was all there was.
    """

    def __init__(self, devices: Mapping[str, State] | None = None, *, complete: bool = False) -> None:
        self.devices: dict[str, State] = dict(devices or {})
        self.complete = complete
        self._anew: set[str] = set()  # devices that the server is asked to show again

    @property
    def revs(self) -> dict[str, int]:
        """Where each device is."""
        return {device: state["rev"] for device, state in self.devices.items()}

    def ask_anew(self, device: str) -> None:
        """Don't resume this device: expect to be shown it again."""
        self._anew.add(device)

    def resume(self, most_bytes: int = RESUME_BYTES) -> dict[str, int]:
        """What to resume from: the revs that fit into a frame. The other devices are expected to be shown again."""
        known: dict[str, int] = {}
        for device, rev in self.revs.items():
            most_bytes -= len(device) + len(str(rev)) + 6
            if most_bytes < 0:
                self.ask_anew(device)
            elif device not in self._anew:
                known[device] = rev
        return known

    def apply(self, frame: Frame) -> list[Change]:
        """Apply a frame; the changes that it makes. Frames of other kinds make none.

        Raises:
            StreamBrokenError: it does not follow from what was told before. Nothing of it was applied.
        """
        try:
            match frame["type"]:
                case "snapshot":
                    return self._show(frame)
                case "delta":
                    return self._advance(frame["items"])
                case "event":
                    return self._happened(frame)
                case "gone":
                    return self.forget([frame["device"]])
                case "command":
                    command = frame["command"]
                    return [Command(command["device"], command)] if command["device"] in self.devices else []
                case "alert":
                    alert = frame["alert"]
                    return [Alert(alert["device"], alert)] if alert["device"] in self.devices else []
                case "link":
                    return [link(frame)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StreamBrokenError(f"a frame makes no sense: {error!r} in {str(frame)[:500]}") from error
        return []

    def forget(self, devices: Iterable[str]) -> list[Change]:
        """These are deleted, or no longer visible."""
        held = [device for device in devices if self.devices.pop(device, None) is not None]
        self._anew.difference_update(held)
        return [Gone(device) for device in held]

    def _show(self, frame: Frame) -> list[Change]:
        reason = frame["reason"]
        changes = [self._shown(reason, shown) for shown in frame["devices"]]
        for change in changes:
            self.devices[change.device] = change.state
            self._anew.discard(change.device)
        self.complete = self.complete or (reason == "subscribe" and not frame.get("more", False))
        return [*changes]

    def _shown(self, reason: str, shown: State) -> Snapshot:
        device, rev = shown["device"], shown["rev"]
        held = self.devices.get(device)
        if reason in _BEGINNING and held is not None and device not in self._anew:
            raise StreamBrokenError(f"{device} is shown again ({reason}) at {rev}, nothing was missing", device)
        state = {"rev": rev, **{section: shown.get(section, empty) for section, empty in _NOTHING_KNOWN.items()}}
        if "description" in shown:
            state["description"] = shown["description"]
        missed = reason not in _BEGINNING or (held is not None and held["rev"] != rev)
        return Snapshot(device, state, reason, missed)

    def _advance(self, items: list[Frame]) -> list[Change]:
        after: dict[str, State] = {}
        changes: list[Change] = []
        for item in items:
            device = item["device"]
            before = self._at(device, item["prev"], after.get(device), item)
            after[device] = _advanced(device, before, item)
            changes.append(Delta(device, after[device], item.get("readings", [])))
        self.devices.update(after)
        return changes

    def _happened(self, frame: Frame) -> list[Change]:
        device, rev = frame["device"], frame["rev"]
        before = self._at(device, frame.get("prev", rev - 1), None, frame)
        state = self.devices[device] = {**before, "rev": rev}
        return [Event(device, state, rev, frame["name"], frame["data"], frame["ts"])]

    def _at(self, device: str, prev: int, moved: State | None, what: Frame) -> State:
        """The state of a device, which must be at ``prev``, and ``what`` must lead on from there."""
        state = moved or self.devices.get(device)
        if state is None or state["rev"] != prev or what["rev"] <= prev:
            at = state and state["rev"]
            raise StreamBrokenError(f"{device} is at {at}, and this begins at {prev}: {str(what)[:500]}", device)
        return state


def _advanced(device: str, before: State, item: Frame) -> State:
    """The state after a delta item. Readings go first: ``metrics`` is what they don't explain."""
    state = {**before, "metrics": _with_readings(device, before["metrics"], item)}
    for section in ("metrics", "reported", "desired", "presence"):
        if section in item:
            state[section] = merge_patch(state[section], item[section])
    if "description" in item:
        state["description"] = merge_patch(state.get("description"), item["description"])
        if state["description"] is None:
            del state["description"]
    for section in ("tags", "desired_version", "rev"):
        if section in item:
            state[section] = item[section]
    return state


def _with_readings(device: str, metrics: State, item: Frame) -> State:
    """The time rule: an older ``ts`` never overwrites a newer value; of equal ones the later ``rev`` wins."""
    out, last = dict(metrics), item["prev"]
    for reading in item.get("readings", ()):
        rev, ts = reading["rev"], reading["ts"]
        if not last < rev <= item["rev"]:
            raise StreamBrokenError(f"{device}: reading {rev} is out of order in {str(item)[:500]}", device)
        last = rev
        for name, value in reading["metrics"].items():
            if name not in out or ts >= out[name]["ts"]:
                out[name] = {"value": value, "ts": ts}
    return out
