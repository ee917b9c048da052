"""The limit of open files, which each socket counts against: when it turns connections away, that is said once."""

import resource
import time
from typing import Any, Final

import structlog
from msgspec import Struct
from twisted.logger import globalLogPublisher

_QUIET_S: Final = 60.0  # without another one: what comes then is told anew
_SIGNS: Final = ("EMFILE encountered", "Could not accept new connection")  # how Twisted's log says it
_NAMESPACE: Final = "twisted.internet.tcp"

log = structlog.get_logger(__name__)


class Refusals(Struct, frozen=True):
    """Connections that this process has turned away."""

    limit: int  # of open files
    count: int
    last_ms: int  # Unix ms; 0: never


class OpenFiles:
    """This process's limit of open files. One for the process: `open_files`."""

    def __init__(self) -> None:
        self._count, self._last_ms, self._last_s = 0, 0, -_QUIET_S

    def watch(self) -> None:
        """Listen to the server's log from now on."""
        globalLogPublisher.addObserver(self.observe)  # type: ignore[arg-type]  # any callable is one

    def observe(self, event: dict[str, Any]) -> None:
        """A line of Twisted's log."""
        said = str(event.get("log_format") or "")
        if said.startswith(_SIGNS) and str(event.get("log_namespace", "")).startswith(_NAMESPACE):
            self._refused()

    def _refused(self) -> None:
        now_s = time.monotonic()
        is_news = now_s - self._last_s >= _QUIET_S
        self._count, self._last_s, self._last_ms = self._count + 1, now_s, time.time_ns() // 1_000_000
        if is_news:
            log.warning(
                "connections are refused: the limit of open files is reached",
                limit=_limit(),
                raise_it="ulimit -n, LimitNOFILE=, nofile in Compose",
            )

    @property
    def refusals(self) -> Refusals:
        """What was turned away so far."""
        return Refusals(_limit(), self._count, self._last_ms)


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


open_files = OpenFiles()
