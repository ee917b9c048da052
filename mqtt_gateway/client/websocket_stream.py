"""WebSocket, as far as it carries MQTT (RFC 6455, MQTT 5.0 section 6): the client's side, without a socket. Pure.

The bytes are those of the library ``websockets``. A stream of MQTT: frames and packets need not begin or end together,
and only binary frames are allowed (MQTT-6.0.0-1). paho-mqtt's own does not mask its pongs, which ends the connection at
brokers that go by the RFC, and writes them into frames that are half sent.
"""

from typing import Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, InvalidHeaderValue, NegotiationError
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_TEXT, CloseCode, Frame
from websockets.protocol import OPEN
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from mqtt_gateway.rules.packet_reader import MalformedError

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # brokers send a packet in each, and ours has a limit of 4 MiB


class RefusedError(ConnectionError):
    """There is no WebSocket at that address; ``str()`` says why."""


class WebSocketStream:
    """What goes out and comes in on one connection. The handshake's request is to be sent first.

    Args:
        host: the broker's name or address.
        port: its TCP port.
        path: of the URL, with its query.
        tls: whether the connection is encrypted.
    """

    def __init__(self, host: str, port: int, path: str, *, tls: bool) -> None:
        name = f"[{host}]" if ":" in host else host
        place = name if port == (443 if tls else 80) else f"{name}:{port}"
        self._protocol = ClientProtocol(
            parse_uri(f"{'wss' if tls else 'ws'}://{place}{path}"),
            origin=Origin(f"{'https' if tls else 'http'}://{place}"),
            subprotocols=[Subprotocol("mqtt")],
            max_size=MAX_MESSAGE_BYTES,
        )
        self._protocol.send_request(self._protocol.connect())
        self._stream: list[bytes] = []  # came with the handshake's answer
        self._answer = b""
        self.closed: str | None = None  # in words, once the broker has said goodbye

    def outgoing(self) -> bytes:
        """What is to be sent now."""
        return b"".join(self._protocol.data_to_send())

    def is_open(self, answer: bytes) -> bool:
        """Whether the handshake is over, with this further part of its answer; b"": it ends there.

        Raises:
            RefusedError: there is no WebSocket.
        """
        protocol = self._protocol
        self._answer += answer
        if answer:
            protocol.receive_data(answer)
        else:
            protocol.receive_eof()
        if protocol.handshake_exc is None:
            self._stream.append(self._taken())
            return protocol.state is OPEN or self.closed is not None
        raise RefusedError(_refusal(self._answer, protocol.handshake_exc))

    def feed(self, data: bytes) -> bytes:
        """The stream of MQTT in what has arrived.

        Raises:
            MalformedError: nothing more on this connection can be understood.
        """
        if self.closed is None:
            self._protocol.receive_data(data)
            self._stream.append(self._taken())
        stream, self._stream = b"".join(self._stream), []
        if self._protocol.parser_exc is not None and not stream and self.closed is None:
            raise MalformedError(f"a malformed WebSocket frame from the broker: {self._protocol.parser_exc}")
        return stream

    def _taken(self) -> bytes:
        parts: list[bytes] = []
        for event in self._protocol.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode is OP_TEXT:
                raise MalformedError("a WebSocket frame from the broker that is not binary")
            if event.opcode is OP_CLOSE:
                self.closed = _goodbye(bytes(event.data))
            elif event.opcode in (OP_BINARY, OP_CONT):
                parts.append(bytes(event.data))
        return b"".join(parts)

    def send(self, payload: bytes) -> None:
        """Put into what is to be sent: one frame."""
        self._protocol.send_binary(payload)

    def close(self) -> None:
        """Say goodbye, unless that is done."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)


def _refusal(answer: bytes, error: Exception) -> str:
    version, _, status = answer.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    if version.startswith("HTTP/") and status[:3] != "101":
        return f"no WebSocket there: HTTP {status.strip()[:60]}"
    match error:
        case NegotiationError():
            return "the WebSocket there carries another protocol than MQTT"
        case InvalidHeader() | InvalidHeaderValue():
            return f"the answer to the WebSocket handshake lacks the proof of it ({error.name})"
    return "no HTTP answer to the WebSocket handshake"


def _goodbye(payload: bytes) -> str:
    code = int.from_bytes(payload[:2], "big")
    said = payload[2:].decode(errors="replace")
    return " ".join(part for part in ("WebSocket closed by the broker:", str(code or ""), said) if part).rstrip(":")
