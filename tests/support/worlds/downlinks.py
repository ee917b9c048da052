"""What workers have gateways publish, written out as docs/mqtt.md has it, and the gateways' answers."""

import time
from uuid import UUID

from bridge.messages import Publish, Published
from tests.support.worlds.deliveries import GATEWAY


def command(shard: int, device: str, command_id: str, name: str, args: bytes, expires_ms: int) -> Publish:
    """A command to a native device."""
    try:
        token = b"c" + UUID(command_id).bytes
    except ValueError:  # for gateways, to which it means nothing
        token = command_id.encode()
    return Publish(
        shard,
        device,
        token,
        f"devices/{device}/command/{command_id}/{name}",
        args,
        qos=1,
        retain=False,
        expires_ms=expires_ms,
        correlation=command_id.encode(),
        response_topic=f"devices/{device}/ack/{command_id}",
    )


def desired(shard: int, device: str, payload: bytes) -> Publish:
    """What a native device's reported state lacks."""
    return Publish(shard, device, b"d" + payload, f"devices/{device}/desired", payload, qos=1, retain=True)


def answer(
    sent: Publish,
    *,
    ok: bool = True,
    reason: str = "",
    gateway: str = GATEWAY,
    at_ms: int | None = None,
    never: bool = False,
) -> Published:
    """What became of it."""
    now_ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    return Published(sent.shard, sent.device, sent.token, gateway, ok, reason, now_ms, never)


def is_command(sent: Publish) -> bool:
    """Or else desired."""
    return sent.token.startswith(b"c")


def command_id(sent: Publish) -> str:
    """Which command."""
    assert is_command(sent)
    return sent.correlation.decode()
