"""A browser's stand-in: follows everything with all readings, through everything, and keeps every frame for a while."""

import contextlib
import json
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from causeway_client import Change
from tests.faults.history import Row
from tests.faults.verdict import Findings
from tests.support.clients.web_socket import Follower, Frame, Stream

_KEPT_FRAMES = 5_000
_SECTIONS = ("rev", "metrics", "reported", "desired", "presence", "tags")
_SHOWN = 5


class RecordingStream(Stream):
    """A stream that also keeps its last frames, to be looked at after a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: deque[Frame] = deque(maxlen=_KEPT_FRAMES)

    def apply(self, frame: Frame) -> list[Change]:
        self.frames.append(frame)
        return super().apply(frame)


class Recorder:
    """Follows all sites; a context manager. A frame that breaks the stream rule ends it: see `broken`."""

    def __init__(self, url: str, token: str) -> None:
        self._follower = Follower(url, token, site="*")
        self.stream = RecordingStream()
        self._follower.stream = self.stream

    def __enter__(self) -> "Recorder":
        self._follower.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        with contextlib.suppress(AssertionError):  # it was told when it happened
            self._follower.__exit__()

    @property
    def connections(self) -> int:
        """How often it was connected."""
        return self._follower.connections

    @property
    def link(self) -> Frame:
        """What the server said last of what works."""
        return self._follower.links[-1] if self._follower.links else {}

    def broken(self) -> list[str]:
        """What was wrong with a frame, if any was."""
        try:
            self._follower.check()
        except Exception as failure:  # noqa: BLE001  whatever ended the thread
            return [f"{type(failure).__name__}: {failure}"]
        return []

    def behind(self, marks: dict[str, int]) -> list[str]:
        """The devices that have not shown ``n`` up to the marks."""
        return [device for device, mark in marks.items() if self._shown(device) < mark]

    def _shown(self, device: str) -> int:
        state: Frame = self.stream.devices.get(device, {"metrics": {}, "reported": {}})
        seen = [event["data"]["n"] for event in list(self.stream.events.get(device, {}).values())[-1:]]
        seen += [state["metrics"].get("n", {"value": -1})["value"], state["reported"].get("n", -1)]
        return int(max(seen))

    # ------------------------------------------------------------------------------------------ at rest only

    def differences(self, rows: Iterable[Row]) -> list[str]:
        """Where what was shown since `forget` isn't just what the database has."""
        stored = {(row.device, row.rev): row for row in rows}
        shown = dict(self._readings()) | dict(self._events())
        lines = [f"{device}: rev {rev} was never shown to the browser: {stored[device, rev].key}"
                 for device, rev in sorted(stored.keys() - shown.keys())]  # fmt: skip
        lines += [f"{device}: the browser was shown rev {rev}, which the database doesn't have: {shown[device, rev]}"
                  for device, rev in sorted(shown.keys() - stored.keys())]  # fmt: skip
        lines += [f"{device}: rev {rev} was shown as {shown[device, rev]}, stored as {stored[device, rev].content}"
                  for device, rev in sorted(shown.keys() & stored.keys())
                  if shown[device, rev] != stored[device, rev].content]  # fmt: skip
        return lines

    def _readings(self) -> Iterable[tuple[tuple[str, int], Any]]:
        for device, readings in list(self.stream.readings.items()):
            yield from (((device, rev), reading["metrics"]) for rev, reading in list(readings.items()))

    def _events(self) -> Iterable[tuple[tuple[str, int], Any]]:
        for device, events in list(self.stream.events.items()):
            yield from (((device, rev), event["data"]) for rev, event in list(events.items()))

    def forget(self) -> None:
        """Drop what was compared; it is not needed to follow on."""
        self.stream.readings.clear()
        self.stream.events.clear()

    def state_differences(self, fresh: dict[str, Frame]) -> list[str]:
        """*Old snapshot + deltas = fresh snapshot*: where that isn't so."""
        states = self.stream.devices
        lines = [f"{device}: the browser knows it: {device in states}, the API: {device in fresh}"
                 for device in sorted(states.keys() ^ fresh.keys())]  # fmt: skip
        for device in sorted(states.keys() & fresh.keys()):
            lines += [
                f"{device}: {section} is {states[device][section]!r} in the browser,"
                f" {fresh[device][section]!r} in the API"
                for section in _SECTIONS
                if states[device][section] != fresh[device][section]
            ]
        return lines

    def snapshots_but_first(self) -> list[str]:
        """Snapshots that replaced what the browser had: within retention there must be none."""
        return [f"{device}: snapshot ({reason})" for reason, device in self.stream.snapshots
                if reason not in {"subscribe", "new"}]  # fmt: skip

    def dump(self, file: Path) -> None:
        """Write the last frames, one JSON object a line."""
        file.write_text("".join(json.dumps(frame) + "\n" for frame in list(self.stream.frames)))


def note_all(found: Findings, what: str, lines: list[str]) -> None:
    """Count these lines as violations; show the first ones."""
    if lines:
        found.other += len(lines)
        found.notes += [f"{what}: {line}" for line in lines[:_SHOWN]]
        found.notes += [f"{what}: … {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
