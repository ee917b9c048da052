"""Firefox of this machine (Debian's package, as a rule), driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Playwright 1.65 can't drive the ESR (Firefox 153 has no ``emulation.setMediaFeaturesOverride``, by which it begins), and
Selenium needs geckodriver, which Debian 12 has not. So here is as much of the protocol as one journey needs: go
somewhere, find, click, type, wait until something is so.
"""

import contextlib
import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.servers.installing import program
from tests.support.servers.processes import Process
from tests.support.waiting import PATIENCE_S, eventually

START_TIMEOUT_S = 90
_ANSWER_TIMEOUT_S = 60
_LISTENING = r"WebDriver BiDi listening on (ws://\S+)"
# It talks to nobody but us.
_PREFERENCES: dict[str, str | bool | int] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
    "ui.prefersReducedMotion": 1,
}
# What is shown and has such a text (all of it), once it is there; null as long as it isn't.
_FIND = """(selector, text) => [...document.querySelectorAll(selector)].find((one) =>
    one.getClientRects().length > 0 && (!text || one.textContent.trim() === text)) ?? null"""


@functools.cache
def firefox_path() -> str:
    """Where Firefox is; installed on Debian as root if it is missing.

    Raises:
        MissingProgramError: it says what to install.
    """
    return program("firefox-esr")


class Tab:
    """A tab that can be looked at and used. Elements are named by CSS selector, and by their whole text if need be."""

    def __init__(self, socket: Connection) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Go there, and wait until its document is loaded."""
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def back(self) -> None:
        """As the browser's button does."""
        self._ask("browsingContext.traverseHistory", context=self._context, delta=-1)

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives: a text, a number, a truth value or None.

        Raises:
            AssertionError: it throws.
        """
        where, said = {"context": self._context}, f"JSON.stringify({expression}) ?? 'null'"
        return json.loads(self._result("script.evaluate", expression=said, target=where)["value"])

    def wait(self, expression: str) -> None:
        """Until it gives something true."""
        eventually(lambda: self.evaluate(f"Boolean({expression})"), PATIENCE_S, what=expression, pause_s=0.1)

    def wait_text(self, selector: str, pattern: str) -> None:
        """Until an element is there whose text has the pattern (a regular expression) in it."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)"
        self.wait(f"{found}.some((text) => new RegExp({json.dumps(pattern)}).test(text))")

    def click(self, selector: str, text: str = "") -> None:
        """Click an element in its middle, once it is there."""
        pointer = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        origin = {"type": "element", "element": {"sharedId": self._shown(selector, text)}}
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": origin}
        self._act({"type": "pointer", "id": "mouse", "actions": [move, *pointer]})

    def type(self, text: str) -> None:
        """Into what has the focus."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": keys})

    def _shown(self, selector: str, text: str) -> str:
        def found() -> Any:
            given = [{"type": "string", "value": one} for one in (selector, text)]
            where = {"context": self._context}
            asked = {"functionDeclaration": _FIND, "arguments": given, "target": where}
            return self._result("script.callFunction", **asked).get("sharedId")

        return str(eventually(found, PATIENCE_S, what=f"{selector} {text!r} is there", pause_s=0.1))

    def _act(self, source: dict[str, Any]) -> None:
        self._ask("input.performActions", context=self._context, actions=[source])

    def _result(self, method: str, **asked: Any) -> Any:
        got = self._ask(method, awaitPromise=True, **asked)
        assert got["type"] == "success", got.get("exceptionDetails")
        return got["result"]

    def _ask(self, method: str, **parameters: Any) -> Any:
        """One command's result. Events are not subscribed to: whatever comes is an answer."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(timeout=_ANSWER_TIMEOUT_S))).get("id") != number:
            pass
        assert answer["type"] == "success", f"{method}: {answer}"
        return answer["result"]


@contextlib.contextmanager
def firefox(directory: Path) -> Iterator[Tab]:
    """A headless Firefox with a profile of its own in `directory`, and its one tab."""
    profile = directory / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    arguments = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    process = Process("firefox", [firefox_path(), *arguments], {"HOME": str(directory)}, directory / "firefox.log")
    process.start()
    try:
        listening = process.wait_for_line(_LISTENING, START_TIMEOUT_S)
        with connect(f"{listening[1]}/session", proxy=None, max_size=None) as socket:
            yield Tab(socket)
    finally:
        process.kill()
