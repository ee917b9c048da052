"""Django's handler of HTTP over ASGI, which needs no thread where the request has needed none.

Django's own closes each answer in the request's thread, as the end of a request gives back what that thread holds; so
each request begins a thread. One that never came to a thread of its own holds nothing.
"""

import asyncio
import contextlib
from typing import Any

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from runtime.http.requests.threads import thread_of_request


class RequestHandler(ASGIHandler):
    """Django's but for the end of a request."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request; give up when the client does."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with contextlib.closing(body):
            set_script_prefix(get_script_prefix(scope))
            await signals.request_started.asend(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            if request is not None:
                await self._serve(request, receive, send)
            elif refusal is not None:
                await self.send_response(refusal, send)
                await _close(refusal)

    async def _serve(self, request: Any, receive: Any, send: Any) -> None:
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        answering = asyncio.create_task(self._answer(request, send))
        await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            answering.cancel()
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError, RequestAborted):
            await leaving
        try:
            response = await answering
        except asyncio.CancelledError:
            await signals.request_finished.asend(sender=type(self))
        else:
            await _close(response)

    async def _answer(self, request: Any, send: Any) -> HttpResponseBase:
        response = await self.run_get_response(request)
        with contextlib.suppress(asyncio.CancelledError):  # the client leaves while it is sent to
            await self.send_response(response, send)
        return response


async def _close(response: HttpResponseBase) -> None:
    thread = thread_of_request()
    if thread is not None and not thread.is_used:
        response.close()
    else:
        await sync_to_async(response.close)()
