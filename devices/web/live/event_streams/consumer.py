"""The consumer of ``GET /api/v1/stream``: lets a client in, or says why not; then serves an :class:`EventStream`."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import Any, Final

from channels.generic.http import AsyncHttpConsumer
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from devices.requests.refusals import BadRequestError, RateLimitedError, RefusalError
from devices.web.api.problems import problem
from devices.web.live.event_streams.asking import asked, rights, shown, waits
from devices.web.live.event_streams.event_stream import EventStream
from devices.web.live.event_streams.event_writer import Event
from devices.web.live.hub.hub import hub_of_this_loop
from devices.web.live.socket.application import new_hub, places
from runtime.database import DatabaseUnavailableError
from runtime.http.async_middleware import SecurityMiddleware

PATH: Final = "/api/v1/stream"
FLOW: Final = "causeway.flow"  # an ASGI extension, see runtime.http.response_flow
COME_AGAIN_MS: Final = 1_000  # what a client waits that has lost its stream

Headers = list[tuple[bytes, bytes]]


class StreamConsumer(AsyncHttpConsumer):
    """One request. It joins no channel layer: the hub hears commits for all."""

    channel_layer_alias = ""

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Event]], send: Any) -> None:
        """ASGI 3. While the stream is served, what the server says is the stream's."""
        self._receive = receive
        await super().__call__(scope, receive, send)

    async def handle(self, body: bytes) -> None:  # noqa: ARG002  a GET's means nothing (RFC 9110, 9.3.1)
        """Serve it until either side ends it."""
        request = ASGIRequest(self.scope, BytesIO())
        begin = _passed(request, _beginning())
        if begin.status_code != 200:  # Django's middleware knows better
            await self._answer(begin)
            return
        try:
            await self._serve(request, begin)
        except RefusalError as refused:
            await self._answer(_passed(request, problem(refused.code, str(refused))))
        except DatabaseUnavailableError:
            await self._answer(_passed(request, problem("unavailable", "the database does not answer")))

    async def _serve(self, request: HttpRequest, begin: HttpResponseBase) -> None:
        """Let the client in; once it is, nothing raises what :meth:`handle` would answer."""
        _require_sense(request)
        wait_s = waits(request)
        if wait_s is not None:
            begin["Content-Type"] = "application/json"
        credential = shown(self.scope)
        address = (self.scope.get("client") or [""])[0]
        with places.taken(address, settings.MAX_SOCKETS_PER_ADDRESS) as free:
            _require_place(free=free)
            async with hub_of_this_loop(new_hub) as hub:
                access = await rights(hub.database, credential)
                with places.taken((access.user_id, access.board), settings.MAX_SOCKETS_PER_USER) as free_too:
                    _require_place(free=free_too)
                    wanted = await asked(hub.database, access, request)
                    await self.send_headers(status=200, headers=_headers(begin))
                    if request.method == "HEAD":
                        await self.send_body(b"")
                        return
                    if wait_s is None:
                        await self.send_body(b"retry: %d\n\n" % COME_AGAIN_MS, more_body=True)
                    with self._flow() as flow:
                        stream = EventStream(self._receive, self.send, hub, flow, credential, access, wanted, wait_s)
                        await stream.serve()
        await self.send_body(b"")

    def _flow(self) -> AbstractContextManager[Any]:
        made = self.scope.get("extensions", {}).get(FLOW)
        return made() if made else nullcontext()

    async def _answer(self, response: HttpResponseBase) -> None:
        content = response.content if isinstance(response, HttpResponse) else b""
        headers = [*_headers(response), (b"content-length", b"%d" % len(content))]
        await self.send_response(response.status_code, content, headers=headers)


def _beginning() -> HttpResponse:
    return HttpResponse(
        content_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def _passed(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """A response as it leaves those of Django's middleware that stand before any view."""

    def respond(_request: HttpRequest) -> HttpResponse:
        return response

    inner: Any = CorsMiddleware(respond) if settings.ALLOWED_ORIGINS else respond
    passed: Any = SecurityMiddleware(inner)(request)  # no coroutine: what is inside is none
    assert isinstance(passed, HttpResponseBase)
    return passed


def _headers(response: HttpResponseBase) -> Headers:
    return [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in response.items()]


def _require_sense(request: HttpRequest) -> None:
    """Raise BadRequestError for a host that is none of ours, and for parameters that can't be read."""
    try:
        request.get_host()
        given = request.GET
    except DisallowedHost:
        raise BadRequestError("this host name is none of ALLOWED_HOSTS") from None
    except SuspiciousOperation:
        raise BadRequestError("too many parameters") from None
    if any("\0" in value for name in ("site", "device") for value in given.getlist(name)):
        raise BadRequestError("NUL in a parameter")


def _require_place(*, free: bool) -> None:
    if not free:
        raise RateLimitedError("you have too many streams and sockets open")
