"""Parts of packets in paho-mqtt's terms, and its reason codes in words."""

import ssl
import struct
from collections.abc import Iterable
from typing import Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_gateway.client.broker import ConnectError, Manner, Outgoing, RefusedFiltersError
from mqtt_gateway.options import GatewayOptions

FOR_EVER: Final = 0xFFFFFFFF  # session expiry interval: never (MQTT 5.0 3.1.2.11.2)
LOST: Final = "connection lost"
_OTHER_VERSION: Final = "unsupported protocol version"  # 0x84 (5.0, 3.2.2.2), and 0x01 (3.1.1, 3.2.2.3) in paho's words
_MUTE: Final = (LOST, "no answer in time", "Operation timed out")  # no word of the broker's; the last is aiomqtt's
_HINT: Final = " (to MQTT 5; a broker that only knows 3.1.1 may do that: for one set MQTT_VERSION=3.1.1)"
_PUBACK: Final = 0x40_02_00_00  # a packet of two bytes: the packet id
_Properties: Any = Properties  # without annotations in paho
_encoded_integer: Any = VariableByteIntegers.encode


def tls_context(options: GatewayOptions) -> ssl.SSLContext:
    """Verifies certificate and host name. The files are read now: they may have been renewed since the last time.

    Raises:
        OSError: a file can't be read, or is none of that kind.
    """
    context = ssl.create_default_context(cafile=options.ca_file)
    if options.client_certificate:
        context.load_cert_chain(options.client_certificate, options.client_key)
    return context


def connect_properties(in_flight_limit: int, *, stays: bool = True) -> Any:
    """MQTT 5: a session that stays for ever (or ends with the connection), so many QoS 1 deliveries without PUBACK."""
    properties = _Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = FOR_EVER if stays else 0
    properties.ReceiveMaximum = in_flight_limit
    return properties


_RETAIN_HANDLING: Final = {"always": 0, "news": 1, "never": 2}


def how_to_subscribe(manner: Manner, *, is_5: bool) -> tuple[Any, Any]:
    """The options of each filter, and the packet's properties."""
    if not is_5:
        return manner.qos, None
    handling = _RETAIN_HANDLING[manner.retained]
    how = SubscribeOptions(manner.qos, noLocal=not manner.own, retainAsPublished=False, retainHandling=handling)
    if not manner.identifier:
        return how, None
    properties = _Properties(PacketTypes.SUBSCRIBE)
    properties.SubscriptionIdentifier = manner.identifier
    return how, properties


def raise_if_refused(filters: Iterable[str], codes: Iterable[Any]) -> None:
    """Go by a SUBACK's reason codes.

    Raises:
        RefusedFiltersError: some are refusals.
    """
    if refused := {name: words(code) for name, code in zip(filters, codes, strict=False) if code.is_failure}:
        raise RefusedFiltersError(refused)


def publish_properties(message: Outgoing) -> Any:
    """MQTT 5: what the message sets."""
    properties = _Properties(PacketTypes.PUBLISH)
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    return properties


def publish_size(message: Outgoing, properties: Any) -> int:
    """Bytes of the whole PUBLISH packet (3.3)."""
    rest = 2 + len(message.topic.encode()) + (2 if message.qos else 0) + len(message.payload)
    rest += len(properties.pack()) if properties is not None else 0
    return 1 + len(_encoded_integer(rest)) + rest


def pubacks(packet_ids: Iterable[int]) -> bytes:
    """PUBACK packets, one behind the other (3.4; without a reason code they are the same in MQTT 5 and 3.1.1)."""
    packed = [_PUBACK | packet_id for packet_id in packet_ids]
    return struct.pack(f">{len(packed)}L", *packed)


def words(code: Any) -> str:
    """A reason code in words; paho's name for "the socket closed" says too little."""
    text = code.getName() if isinstance(code, ReasonCode) else str(code)
    return LOST if text == "Unspecified error" else text.lower()


def no_connection(refused: str, reason: str, *, is_5: bool) -> ConnectError:
    """Why none came about.

    Args:
        refused: the broker's "no" in words; "": it did not say one.
        reason: then.
        is_5: MQTT 5 was spoken.
    """
    if refused:
        return ConnectError(refused, refused=True, other_version=refused == _OTHER_VERSION)
    return ConnectError(reason + _HINT if is_5 and reason in _MUTE else reason)
