"""What a socket watches: its subscriptions, by what its user may see, and the hub's side of them.

Batches and steps of commands and alerts come in from the hub, frames go to the writer. What there is no credit for is
not kept: the subscription is pending then, and catch_up brings it on by query.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from devices.web.auth import Access
from devices.web.live.hub.commit_gaps import CommitTracker, LatestSteps, id_of
from devices.web.live.hub.fanout import Fanout
from devices.web.live.hub.rooms import Since
from devices.web.live.queries.replay import Step
from devices.web.live.socket.frame_writer import FrameWriter
from devices.web.live.stream.changes import Reason, StepKind
from devices.web.live.stream.feed import FlushBatch
from devices.web.live.stream.subscription import Subscription
from devices.web.live.stream.targets import DeliveryOptions, Target

MAX_SUBSCRIPTIONS: Final = 100


class SocketSubscriptions:
    """The subscriptions of one socket; for the hub, a :class:`devices.web.live.hub.rooms.Receiver`.

    ``work`` is set whenever the database may have to be asked for something; who asks clears it.

    Args:
        access: the user's rights.
        writer: takes the frames.
        fanout: hands out batches.
        tracker: of the commits that the hub heard.
    """

    def __init__(self, access: Access, writer: FrameWriter, fanout: Fanout, tracker: CommitTracker) -> None:
        self.access = access
        self.by_id: dict[bytes, Subscription] = {}
        self.work = asyncio.Event()
        self._writer = writer
        self._credit = writer.credit
        self._fanout = fanout
        self._tracker = tracker
        self._wishes: dict[bytes, Target] = {}  # what each would watch, were all visible
        self._held_steps: list[tuple[str, StepKind, bytes, Since]] | None = None  # None: not held back
        self._missed_steps: dict[int, int] = {}  # shard → the commit since which steps may not have been shown
        self._own_steps = LatestSteps()  # shown to this socket alone: what the hub is answered later may be older

    def watch(
        self,
        sub: bytes,
        wish: Target,
        options: DeliveryOptions,
        known: dict[str, int],
        begins: Reason = "subscribe",
    ) -> None:
        """Add a subscription; it is taken up at the next :meth:`wake`. For the arguments see :class:`Subscription`."""
        self.by_id[sub] = Subscription(sub, visible(wish, self.access), options, known, begins)
        self._wishes[sub] = wish

    def unwatch(self, sub: bytes) -> bool:
        """Remove a subscription. False: there is none of this id."""
        found = self.by_id.pop(sub, None)
        if found is not None:
            del self._wishes[sub]
            self._fanout.leave(found)
        return found is not None

    def leave(self) -> None:
        """The socket is closed: take all subscriptions out."""
        for sub in self.by_id.values():
            self._fanout.leave(sub)

    def renew(self, access: Access) -> None:
        """Show what is visible now."""
        self.access = access
        for sub in self.by_id.values():
            self._retarget(sub)

    def _retarget(self, sub: Subscription) -> None:
        target = visible(self._wishes[sub.sub], self.access)
        if target != sub.target:
            self._fanout.leave(sub)
            self.miss_steps(self._tracker.notified_up_to)
            self._writer.push_bodies(sub, sub.retarget(target))
            self.wake()

    # The hub's side ----------------------------------------------------------------------------------------------

    def deliver(self, sub: Subscription, batch: FlushBatch) -> int | None:
        """See :class:`devices.web.live.hub.rooms.Receiver`."""
        if not self._credit.fits(batch.most_bytes):
            self._credit.block(time.monotonic())
            sub.pause(batch)
            self.miss_steps(self._tracker.notified_up_to)
            return None
        bodies = sub.take(batch)
        self._writer.push_bodies(sub, bodies)
        if sub.has_queries:
            self.wake()
        return len(bodies)

    def show_step(self, device: str, kind: StepKind, whole: bytes, since: Since) -> None:
        """See :class:`devices.web.live.hub.rooms.Receiver`."""
        shard, before = since
        if self._own_steps and self._own_steps.of(id_of(whole)) > before + 1:
            return
        if self._held_steps is not None:
            self._held_steps.append((device, kind, whole, since))
        elif self._credit.fits(len(whole)):
            named = kind.encode()
            self._writer.push(b'{"n":%d,"type":"%b","%b":%b}' % (self._writer.next_n, named, named, whole))
        else:
            self._credit.block(time.monotonic())
            self.miss_steps({shard: before})

    def show_found(self, step: Step, shard: int) -> None:
        """Send a step that the database was asked for on this socket's behalf."""
        self.show_step(step.device, step.kind, step.whole, (shard, step.commit - 1))
        self._own_steps.record(step.id, step.commit)

    def wake(self) -> None:
        """Something may have to be asked for."""
        self.work.set()

    def abort(self) -> None:
        """See :class:`devices.web.live.hub.rooms.Receiver`."""
        self._writer.abort()

    # Steps of commands and alerts that there was no credit for -----------------------------------------------------

    def miss_steps(self, since: Mapping[int, int]) -> None:
        """Steps that later commits than these brought, by shard, may have been missed."""
        for shard, commit in since.items():
            self._missed_steps[shard] = min(commit, self._missed_steps.get(shard, commit))

    @property
    def has_missed_steps(self) -> bool:
        """Whether any may have been."""
        return bool(self._missed_steps)

    def take_missed_steps(self) -> dict[int, int]:
        """The commit, by shard, since which steps may have been missed; they are the caller's concern from now on."""
        missed, self._missed_steps = self._missed_steps, {}
        return missed

    # The order of a reply and what it causes -----------------------------------------------------------------------

    def hold(self, device: str) -> None:
        """Send nothing of this device, and no steps, until :meth:`release`."""
        self._held_steps = []
        for sub in self.by_id.values():
            if sub.target.covers(device):
                sub.hold(device)

    def release(self, device: str) -> None:
        """Go on."""
        held, self._held_steps = self._held_steps or [], None
        for sub in self.by_id.values():
            self._writer.push_bodies(sub, sub.release(device))
        for of, kind, whole, since in held:
            self.show_step(of, kind, whole, since)


def visible(wish: Target, access: Access) -> Target:
    """What of a wish a user may see."""
    if wish.devices is not None:
        return Target(devices=frozenset(key for key in wish.devices if access.sees(key.partition("/")[0])))
    if access.sees_all:
        return wish
    return Target(sites=access.sites if wish.sites is None else wish.sites & access.sites)
