"""What requests and subscriptions ask of a connection."""

from typing import Protocol

from .changes import Frame


class Line(Protocol):
    """A connection that may be away; see :class:`~.connection.Connection`."""

    def next_id(self) -> str:
        """A fresh request id."""

    def send(self, frame: Frame) -> bool:
        """Send a frame; False when there is no connection. Raises as :meth:`~.connection.Connection.send` does."""

    def reconnect(self, why: str) -> None:
        """Break the connection and come back."""
