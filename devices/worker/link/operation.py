"""What one delivery says of one device, as an operation on the device. The uplink's feature applies it."""

from collections import Counter
from typing import cast

from bridge.messages import Delivery
from bridge.observations import Cleared, Decoded, Malformed, Note, NoteReason, StatusReported
from devices.options import DevicesOptions
from devices.rules.described import notes
from devices.rules.reducer import Outcome, is_from_device
from devices.worker.effects.operations import Effects, Operation, Refusal
from devices.worker.link.quarantine import row_of, storable
from devices.worker.link.rejections import keep_sample
from devices.worker.link.tally import Tally


class Uplink(Operation, frozen=True):
    """What a delivery says of the device, to apply."""

    delivery: Delivery
    gateway: str  # MQTT client id; who received it
    said: Decoded | None  # None: nobody knows, as its dialect has failed
    tally: Tally | None = None  # of a message that says more than this
    part: int = 0  # of the message, from 0

    def registers(self, options: DevicesOptions) -> bool:
        """A device that speaks is one. (Clearing a retained message is not speaking.)"""
        return options.auto_register and not isinstance(self.said, Cleared)

    @property
    def revives(self) -> bool:
        """Only the device itself does, and only live: neither what the broker retains of it, nor its will."""
        if self.delivery.retain:
            return False
        said = self.said
        return said is None or is_from_device(said) or (isinstance(said, StatusReported) and said.online)

    def refuse(self, refusal: Refusal) -> None:
        """It is rejected; a cleared message, which is all that makes no device, changes nothing, for nobody."""
        unseen = refusal.options.auto_register and refusal.reason == "unknown_device"
        self.count(refusal.counts, *(("applied", "") if unseen else ("rejected", refusal.reason)))
        if not unseen:
            keep_sample(refusal.reason, self.delivery)

    def count(self, counts: Counter[tuple[str, str]], outcome: str, reason: str) -> None:
        """What became of it, for the ledger."""
        if self.tally is None:
            counts[outcome, reason] += 1
        else:
            self.tally.became[self.part] = (outcome, reason)

    def set_aside(self, effects: Effects, reason: str) -> None:
        """It goes to quarantine."""
        self.keep(effects, Outcome("quarantined", reason))

    def keep(self, effects: Effects, outcome: Outcome) -> None:
        """It goes to quarantine, or its bad part alone. Of a message that says good things, too, that is a note only.

        What was set aside because it could not be carried out is kept in any case.
        """
        self.count(effects.counts, "quarantined", outcome.reason)
        if self.tally is not None and self.tally.is_good and isinstance(self.said, Malformed):
            note = Note(cast("NoteReason", outcome.reason), "", storable(outcome.detail))
            notes.keep(effects.member.twin, (note,), self.delivery.received_ms)
            effects.counts["noted", outcome.reason] += 1
        else:
            row = row_of(self.delivery, effects.member.id, outcome.reason, outcome.detail, outcome.bad)
            effects.quarantined.append(row)
