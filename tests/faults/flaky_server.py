"""A server that handlers call: it says no, hangs up, or is slow now and then, and keeps what it has said yes to."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Self

_SLOW_S = 3.0  # longer than a client waits


class FlakyServer:
    """Runs in threads of its own; a context manager.

    Args:
        seed: of what it does wrong.
    """

    def __init__(self, seed: str) -> None:
        self._random, self._lock = Random(seed), threading.Lock()
        self.taken: Counter[str] = Counter()
        """By key: how often it has said yes."""
        self.refused = 0
        self.is_down = False
        """Whether it says no to all."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where to post keys."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _judge(self, key: str) -> str:
        """What becomes of a request: yes, no, silence (it hangs up), slow (it was done all the same)."""
        with self._lock:
            verdict = self._random.choices(("yes", "no", "silence", "slow"), (90, 5, 4, 1))[0]
            if self.is_down:
                verdict = "no"
            if verdict in ("yes", "slow"):
                self.taken[key] += 1
            else:
                self.refused += 1
        return verdict

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        judge = self._judge

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                key = self.rfile.read(int(self.headers["Content-Length"])).decode()
                verdict = judge(key)
                if verdict == "silence":
                    self.close_connection = True
                    return
                if verdict == "slow":
                    time.sleep(_SLOW_S)
                self.send_response(503 if verdict == "no" else 204)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Nobody reads it."""

        return Handler
