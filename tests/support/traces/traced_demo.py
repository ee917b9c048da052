"""``python -m tests.support.traces.traced_demo FILE``: the demo; which functions of ours run, and when, is recorded.

FILE gets a JSON list of ``[seconds (monotonic), file, function]`` when the demo has ended.
"""

import json
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.support.environment import ROOT
from tests.test_architecture import PACKAGES

Entry = tuple[float, str, str]


class Tracer:
    """Sees every function of ours begin, or go on, in each thread that is started after it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._names: dict[CodeType, tuple[str, str] | None] = {}  # of a function; None: it is not ours

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        """See :func:`sys.setprofile`."""
        if event != "call":
            return
        code = frame.f_code
        if code not in self._names:
            self._names[code] = _name(code)
        if name := self._names[code]:
            self.entries.append((time.monotonic(), *name))


def _name(code: CodeType) -> tuple[str, str] | None:
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT):
        return None
    file = path.relative_to(ROOT)
    return (file.as_posix(), code.co_name) if file.parts[0] in PACKAGES else None


def main(out: Path) -> None:
    """Run the demo with one device, which says next to nothing, until Ctrl-C."""
    from manage import main as manage

    sys.argv = ["manage.py", "demo", "--devices", "1", "--foreign", "0", "--rate", "0.001"]
    tracer = Tracer()
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        manage()
    finally:
        sys.setprofile(None)
        out.write_text(json.dumps(tracer.entries))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
