"""What somebody asks of a device by MQTT: Home Assistant, of those that are exported to it.

Each delivery counts once in the ledger: applied if it became a command, else rejected.
"""

from collections import Counter
from typing import Final

from bridge.messages import Delivery
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.effects.work import RoundWork, ShardWork
from devices.worker.link.rejections import keep_sample

RETAINED: Final = "retained_command"  # somebody had it retained: it would be carried out again and again
LATE: Final = "late_command"  # it waited at the broker while we were away: nobody knows for how long


class Asking(Operation, frozen=True):
    """Something asked of the device; kind and detail of the delivery say what."""

    delivery: Delivery

    def refuse(self, refusal: Refusal) -> None:
        """Of no device."""
        self._reject(refusal.counts, refusal.reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It is not done."""
        self._reject(effects.counts, reason)

    def reject(self, effects: Effects, reason: str) -> None:
        """The device is not asked for that."""
        self._reject(effects.counts, reason)

    def _reject(self, counts: Counter[tuple[str, str]], reason: str) -> None:
        counts["rejected", reason] += 1
        keep_sample(reason, self.delivery)


def plan(delivery: Delivery, part: ShardWork, work: RoundWork) -> None:
    """Have the device undergo what is asked of it, if that is said now."""
    reason = RETAINED if delivery.retain else LATE if delivery.late else ""
    if reason:
        part.counted["rejected", reason] += 1
        keep_sample(reason, delivery)
        return
    part.add(delivery.source, Asking(delivery))
    work.just_readings = False
