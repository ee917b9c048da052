"""What can go wrong for good. Pure.

ClientError
├── TurnedAwayError      the server does not let this user in
├── RequestError         one request was refused or not answered
└── StreamBrokenError    the server broke the stream rule (a program sees it only with ``strict=True``)
"""


class ClientError(Exception):
    """Any error of this client."""


class TurnedAwayError(ClientError):
    """The server does not let this user in; to try again is of no use.

    Args:
        code: 4401 (no valid token), 4403 (no role at any site), or the HTTP status that refused the WebSocket.
        message: for people.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class RequestError(ClientError):
    """A request was refused or not answered.

    Args:
        code: the server's (docs/websocket.md), or one of ours. ``timeout`` and ``disconnected`` leave open whether
            it happened; so does ``closed``, for a request under way.
        message: for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class StreamBrokenError(ClientError):
    """The server broke the stream rule: a gap, a repeat, another order, or a frame that makes no sense.

    Args:
        message: what was expected and what came.
        device: whose stream; None when it is the whole connection's.
    """

    def __init__(self, message: str, device: str | None = None) -> None:
        super().__init__(message)
        self.device = device
