"""``/apps/<label>/``: WebSocket and HTTP consumers of the apps of CAUSEWAY_APPS, and their channels, by ``routing``.

An app's module ``routing`` may have ``websocket_urlpatterns`` and ``http_urlpatterns``, with paths below the app's own,
and ``channels``, consumers by channel name. Before the first two stand AuthMiddlewareStack and TokenAuthMiddleware.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from channels.routing import URLRouter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http.request import split_domain_port, validate_host
from django.urls import path

from config.added_apps.found import added
from devices.web.live.queries.tickets import ticket_in
from devices.web.live.socket.application import is_welcome
from devices.web.live.socket.places import Places
from runtime.http.origins import is_foreign

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[Any]]

_PREFIX: Final = "/apps/"
_OUR_CHANNELS: Final = ("devices.", "gateway.")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_places: Final = Places()


def sockets(ours: Application) -> Application:
    """WebSockets: those of apps go to their consumers, unless their page is another site's; all others to ``ours``."""
    routes = _routes("websocket_urlpatterns")
    if not routes:
        return ours
    consumers = _authenticated(routes)

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        rest = _rest(scope)
        if not rest.startswith(_PREFIX):
            await ours(scope, receive, send)
            return
        client, ticket = scope.get("client") or [""], ticket_in(scope.get("subprotocols", ()))
        with _places.taken(client[0], settings.MAX_SOCKETS_PER_ADDRESS) as free:
            if free and _leads_somewhere(routes, rest[1:]) and is_welcome(scope, ticket):
                await consumers(scope, receive, send)
                return
        await receive()
        await send({"type": "websocket.close"})

    return application


def requests(ours: Application) -> Application:
    """HTTP: what leads to a consumer of an app goes there; all others to ``ours``, as do foreign hosts and pages."""
    routes = _routes("http_urlpatterns")
    if not routes:
        return ours
    consumers = _authenticated(routes)

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        rest = _rest(scope)
        is_theirs = rest.startswith(_PREFIX) and _leads_somewhere(routes, rest[1:]) and _is_welcome(scope)
        await (consumers if is_theirs else ours)(scope, receive, send)

    return application


def channels() -> dict[str, Application]:
    """All apps' consumers by channel.

    Raises:
        ImproperlyConfigured: two have the same one, or one of ours.
    """
    found: dict[str, Application] = {}
    for label, module in _modules():
        theirs: Mapping[str, Application] = getattr(module, "channels", {})
        for name, consumer in theirs.items():
            if name in found or name.startswith(_OUR_CHANNELS):
                raise ImproperlyConfigured(f"{label}.routing: channels: {name!r} is taken")
            found[name] = consumer
    return found


def _modules() -> Iterator[tuple[str, Any]]:
    for config in added("routing"):
        yield config.label, import_module(f"{config.name}.routing")


def _routes(name: str) -> list[Any]:
    found = [(label, getattr(module, name, None)) for label, module in _modules()]
    return [path(f"apps/{label}/", URLRouter(patterns)) for label, patterns in found if patterns]


def _authenticated(routes: list[Any]) -> Application:
    from channels.auth import AuthMiddlewareStack

    from causeway.consumers import TokenAuthMiddleware

    stack: Application = AuthMiddlewareStack(TokenAuthMiddleware(URLRouter(routes)))
    return stack


def _rest(scope: Scope) -> str:
    rest: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return rest


def _leads_somewhere(routes: Sequence[Any], rest: str) -> bool:
    """Whether there is a consumer at a path; asked beforehand, for a router says no by exceptions of any code's."""
    for route in routes:
        found = route.pattern.match(rest)
        if found and (not isinstance(route.callback, URLRouter) or _leads_somewhere(route.callback.routes, found[0])):
            return True
    return False


def _is_welcome(scope: Scope) -> bool:
    """What Django's middleware sees to, which a consumer goes without: our own name, and no other site's form."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin1").lower()
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    if not validate_host(split_domain_port(host)[0], allowed):
        return False
    secure = scope.get("scheme") == "https"
    return scope["method"] in _SAFE_METHODS or not is_foreign(scope["headers"], secure=secure)
