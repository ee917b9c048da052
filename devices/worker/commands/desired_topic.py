"""The desired topic of a device: what it should hold, and what the broker has confirmed that it holds."""

from devices.rules.requested import desired_payload
from devices.worker.memory.shard import Member
from devices.worker.rules.outbox import Outbox


def update(outbox: Outbox, member: Member, now_ms: int) -> None:
    """See to it that the topic is published when it does not hold what reported still lacks."""
    if not member.uses_desired:
        return
    payload = desired_payload(member.twin)
    if payload.decode() == member.twin.desired_published:
        outbox.settled(member.key)
    else:
        outbox.want(member.key, payload, now_ms)


def clear(outbox: Outbox, member: Member, now_ms: int) -> None:
    """The device is deleted: nothing waits for it any more, and what the broker retains for it is to go."""
    was_used = member.uses_desired
    outbox.forget(member.key)
    if was_used:
        outbox.want(member.key, b"", now_ms)
