"""What stands before the applications: who asks, by which scheme and host, under which prefix of the path.

One place reads the proxies' headers and takes them away; what comes after sees ``client``, ``scheme``, ``Host`` and
``root_path`` as they are outside. Daphne's own header for the latter, which anybody may send, changes nothing.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.http import HttpRequest

from runtime.http.proxies import FORWARDING, Network, Origin, Trusted, is_in, origin_of

MAX_BODY_BYTES: Final = 256 * 1024 + 4096  # a command's arguments and what stands around them
PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # for any Host, by HTTP too, and without the prefix
_ORIGIN: Final = "causeway.origin"
_DEFAULT_PORTS: Final = {"http": b":80", "https": b":443"}

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """ASGI middleware, for HTTP and WebSocket; other scopes pass as they are.

    Args:
        application: what stands behind.
        proxies: whose headers count.
        prefix: of all paths, ``""`` or like ``/causeway``.
    """

    def __init__(self, application: Application, proxies: Trusted, prefix: str = "") -> None:
        self._application = application
        self._proxies = proxies
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        seen = self._seen(scope)
        if seen is not None:
            await self._application(seen, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await self._elsewhere(scope, send)

    def _seen(self, scope: Scope) -> Scope | None:
        """The scope as it is outside; None: nothing is here."""
        client = scope.get("client")
        origin = origin_of(client[0] if client else "", scope["headers"], self._proxies)
        path = self._path(scope["path"], origin)
        if path is None:
            return None
        scheme = origin.scheme or ("https" if scope.get("scheme") in ("https", "wss") else "http")
        port = client[1] if client and client[0] == origin.address else 0
        return {
            **scope,
            "client": [origin.address, port] if origin.address else None,
            "scheme": scheme if scope["type"] == "http" else {"http": "ws", "https": "wss"}[scheme],
            "headers": _headers(scope["headers"], origin, scheme),
            "path": path,
            "root_path": self._prefix,
            _ORIGIN: origin,
        }

    def _path(self, path: str, origin: Origin) -> str | None:
        if not self._prefix or path.startswith(self._prefix + "/"):
            return path
        if path in PROBES or (path.startswith("/") and origin.prefix == self._prefix):
            return self._prefix + path
        return None

    async def _elsewhere(self, scope: Scope, send: Send) -> None:
        """Beside the prefix: a redirect from the prefix itself, else 404."""
        if scope["path"] == self._prefix:
            headers, body, status = [(b"location", (self._prefix + "/").encode())], b"", 308
        else:
            detail = f"everything is under {self._prefix}/"
            problem = {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": detail,
                "code": "not_found",
            }
            headers, body, status = [(b"content-type", b"application/problem+json")], json.dumps(problem).encode(), 404
        headers += [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _headers(headers: list[tuple[bytes, bytes]], origin: Origin, scheme: str) -> list[tuple[bytes, bytes]]:
    kept = []
    for name, value in headers:
        if name == b"host":
            host = origin.host.encode("latin1") if origin.host else value
            kept.append((name, host.removesuffix(_DEFAULT_PORTS[scheme])))
        elif name not in FORWARDING:
            kept.append((name, value))
    return kept


def is_from(request: HttpRequest, within: tuple[Network, ...]) -> bool:
    """Whether a request surely comes from one of the networks."""
    origin: Origin | None = getattr(request, "scope", {}).get(_ORIGIN)
    certain = origin is None or origin.certain
    return certain and is_in(request.META.get("REMOTE_ADDR", ""), within)
