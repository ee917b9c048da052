"""Daphne with an ASGI extension for answers that last: whether the client's connection takes more.

ASGI's ``send`` returns at once under Daphne, whatever waits in Twisted's buffer.
``scope["extensions"]["causeway.flow"]`` makes a context: inside it ``await flow.free()`` waits until that buffer
(64 KiB) has room again. Public names of Twisted's only: a request takes a push producer, which its channel, of HTTP/1.1
or HTTP/2, tells to pause and to go on.
"""

import asyncio
from typing import Any, Final, Self

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]

EXTENSION: Final = "causeway.flow"


@implementer(IPushProducer)
class ResponseFlow:
    """One answer's.

    Args:
        request: Twisted's.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._free = asyncio.Event()
        self._free.set()

    def __enter__(self) -> Self:
        if self._has_connection:
            self._request.registerProducer(self, streaming=True)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._has_connection:
            self._request.unregisterProducer()

    @property
    def _has_connection(self) -> bool:
        """Whether it isn't lost."""
        return getattr(self._request, "channel", None) is not None

    async def free(self) -> None:
        """Wait until the connection takes more, or is lost."""
        await self._free.wait()

    # Twisted's side: IPushProducer -----------------------------------------------------------------------------------

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        """The buffer is full."""
        self._free.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        """It has room."""
        self._free.set()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost: the application is told of it, too."""
        self._free.set()
