"""One subscription of one socket: knows where its client stands with every device, and what to send next. Pure.

    pending ──join──> listing ──listed──> joined ──pause (the client lags)──> pending
    a listed device:  own ──stands where the feed stands──> in step

Devices are listed some at a time, and shown while others are still to be listed. In step, a device needs no thought:
what the feed hands out is passed on as it is. While its client stands elsewhere (not shown yet, ahead of the feed,
behind it after a gap) a device is the subscription's *own*: changes are judged by its own rev, and the database is
asked for what is missing. A pending subscription knows its revs and nothing else.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Final

from bridge.messages import Gone
from devices.web.live.stream.changes import Answer, NotFound, Query, Reason, Snapshot, StreamChange
from devices.web.live.stream.feed import Feed, FlushBatch
from devices.web.live.stream.rendering import Body, bodies, snapshot_body
from devices.web.live.stream.sequencer import Sequencer
from devices.web.live.stream.targets import DeliveryOptions, Target

MAX_ASIDE_BYTES: Final = 256 * 1024


class Subscription:
    """The stream to one client.

    Args:
        sub: the subscribe request's id, as JSON.
        target: what it watches.
        options: how often, and how much.
        known: the revs that the client has.
        begins: why what it has not is shown at first.
    """

    def __init__(
        self,
        sub: bytes,
        target: Target,
        options: DeliveryOptions,
        known: Mapping[str, int],
        begins: Reason = "subscribe",
    ) -> None:
        self.sub = sub
        self.target = target
        self.options = options
        self._begins = begins
        self.feed: Feed | None = None  # None: pending
        self.life = 0  # raised by join and pause: answers to questions of another life are void
        self.listed_upto = ""  # by key, in this life
        self._have: dict[str, int | None] = dict(known)  # of what isn't listed; None: not there
        self._own: dict[str, int | None] = {}
        self._sequencer = self._new_sequencer()
        self._listing: set[str] | None = None  # what is listed already; None: pending, or all is
        self._early: set[str] = set()  # own without being listed: held back
        self._touched: set[str] = set()  # what changed, or may have, before it was listed
        self._unheard: Set[str] = frozenset()  # the same, of a feed that is listing, too
        self._unseen: dict[str, int | None] = {}  # where the feed stood when we joined: what isn't listed by now
        self._shown = False  # all that there was at first
        self._first: set[str] = set()  # devices still to be shown at first
        # Whether a snapshot frame must yet say that there is no more; a whole site begins with one in any case.
        self._more_owed = not known and target.devices is None
        self._out: dict[str, list[StreamChange]] = {}

    def _new_sequencer(self) -> Sequencer:
        return Sequencer(self._rev_of, self._accept, MAX_ASIDE_BYTES)

    # Life --------------------------------------------------------------------------------------------------------

    def join(self, feed: Feed) -> None:
        """Begin to take the feed's batches. List the target's devices after this, for :meth:`listed`."""
        self.feed = feed
        self.life += 1
        self.listed_upto = ""
        self._listing, self._early, self._touched = set(), set(), set()
        self._unheard = frozenset() if feed.is_listed else feed.touched
        self._unseen = feed.sent.copy()

    @property
    def is_listing(self) -> bool:
        """Whether there are devices to be listed yet."""
        return self._listing is not None

    def listed(self, devices: Iterable[tuple[str, int]], upto: str | None = None) -> list[Body]:
        """Take some of the target's devices and their revs, read since :meth:`join`; what is missing is asked for.

        Args:
            devices: each once in a life.
            upto: there are others after this key. None: these are the last ones.
        """
        assert self.feed is not None
        assert self._listing is not None
        found = dict(devices)
        self.feed.listed(found, more=upto is not None)
        for device, rev in found.items():
            self._list(device, rev)
        if upto is None:
            self._end_listing()
        else:
            self.listed_upto = upto
        return self._rendered()

    def _list(self, device: str, rev: int) -> None:
        assert self._listing is not None
        self._listing.add(device)
        self._unseen.pop(device, None)
        if device not in self._own:
            self._own[device] = self._have.pop(device, None)
        mine = self._own[device]
        if mine is None:
            if not self._shown:
                self._first.add(device)
            self._sequencer.ask(device, "new" if self._shown else self._begins)
        elif mine != rev or device in self._touched or device in self._unheard:
            self._sequencer.ask(device)
        else:
            self._align(device)

    def _end_listing(self) -> None:
        """Ask about what the client has and there is no more, and about what was made since it would have been read."""
        assert self._listing is not None
        listed, self._listing = self._listing, None
        lost = {device: rev for device, rev in self._have.items() if rev is not None}
        made = {*self._unseen, *self._touched, *self._unheard}
        for device in [*lost, *(device for device in made if device not in listed)]:
            self._own.setdefault(device, lost.get(device))
            self._sequencer.ask(device)
        for device in self._early:
            self._align(device)
        self._have, self._unseen, self._early = {}, {}, set()
        self._touched, self._unheard = set(), frozenset()

    def pause(self, batch: FlushBatch | None = None) -> None:
        """Leave the feed; ``batch`` was handed out by it but not taken any more."""
        assert self.feed is not None
        stands = self.feed.sent | (batch.before if batch else {})
        if self._listing is None:
            self._have = stands | self._own
        else:
            self._have |= {device: stands.get(device) for device in self._listing} | self._own
        self.feed, self._listing = None, None
        self.life += 1
        self._own, self._sequencer, self._first = {}, self._new_sequencer(), set()
        self._unseen, self._touched, self._unheard = {}, set(), frozenset()

    def retarget(self, target: Target) -> list[Body]:
        """Watch something else from now on, only while pending; the frames about what is no longer watched."""
        assert self.feed is None
        self.target = target
        out = [device for device in self._have if not target.covers(device)]
        gone = [device for device in out if self._have.pop(device) is not None]
        return bodies({device: [Gone(device)] for device in gone}, self.options)

    # Live --------------------------------------------------------------------------------------------------------

    def take(self, batch: FlushBatch) -> list[Body]:
        """The frames that the feed's batch makes for this client."""
        if self._listing is None and not self._own:
            return batch.bodies
        for device, changes in batch.devices.items():
            if device in self._own:
                for change in changes:
                    self._sequencer.take(change)
                self._align(device)
            elif self._listing is None or device in self._listing:
                self._out[device] = changes
            else:
                self._touched.add(device)
        return self._rendered()

    def hold(self, device: str) -> None:
        """Send nothing of a device until :meth:`release`: something else must be said first."""
        if self.feed is None:
            return
        if device not in self._own:
            if self._listing is None or device in self._listing:
                self._own[device] = self.feed.sent.get(device)
            else:
                self._own[device] = self._have.pop(device, None)
                self._early.add(device)
        self._sequencer.hold(device)

    def release(self, device: str) -> list[Body]:
        """Go on with a device held back; the frames that makes. Safe to repeat, and when it was not held."""
        if self.feed is None:
            return []
        self._sequencer.release(device)
        self._align(device)
        return self._rendered()

    def compare(self, device: str, rev: int | None) -> None:
        """Ask about a device that is not in step and not where the database has it (None: there is none)."""
        if device in self._own and device not in self._sequencer and self._own[device] != rev:
            self._sequencer.ask(device)

    @property
    def own(self) -> Collection[str]:
        """The devices that are not in step."""
        return self._own.keys()

    # Catching up -------------------------------------------------------------------------------------------------

    @property
    def has_queries(self) -> bool:
        """Whether there is something to ask the database."""
        return self._sequencer.has_queries

    @property
    def waiting(self) -> int:
        """About how many devices there are to be asked about."""
        return len(self._sequencer)

    @property
    def aside_bytes(self) -> int:
        """What :meth:`settle` may send beyond its answers."""
        return self._sequencer.aside_bytes

    def queries(self, limit: int) -> list[Query]:
        """The next questions to the database."""
        return self._sequencer.queries(limit)

    def settle(self, answers: Sequence[Answer]) -> list[Body]:
        """The frames that answers to :meth:`queries` of this life make."""
        for answer in answers:
            self._sequencer.settle(answer)
            first = answer.device in self._first and answer.device not in self._sequencer
            if first:
                self._first.discard(answer.device)
            if first and isinstance(answer, NotFound) and self.target.devices is not None:
                self._out[answer.device] = [Gone(answer.device)]  # it was there when we said that we would watch it
            self._align(answer.device)
        return self._rendered()

    def _rendered(self) -> list[Body]:
        """What :meth:`_accept` gathered. The last snapshot of the first showing says that there is no more."""
        out, self._out = self._out, {}
        more = bool(self._first) or self.is_listing
        if not self._shown and any(self._is_first(changes) for changes in out.values()):
            self._more_owed = more
        frames = bodies(out, self.options, first=self._begins, more=more)
        if not self._shown and not more:
            self._shown = True
            if self._more_owed:
                frames.append(snapshot_body(self._begins, [], more=False))
        return frames

    def _is_first(self, changes: Sequence[StreamChange]) -> bool:
        return isinstance(changes[0], Snapshot) and changes[0].reason == self._begins

    # Devices -----------------------------------------------------------------------------------------------------

    def _rev_of(self, device: str) -> int | None:
        return self._own.get(device)

    def _accept(self, change: StreamChange) -> None:
        self._own[change.device] = None if isinstance(change, Gone) else change.rev
        self._out.setdefault(change.device, []).append(change)

    def _align(self, device: str) -> None:
        """See whether the client now stands where the feed stands."""
        assert self.feed is not None
        if device in self._sequencer or device not in self._own:
            return
        if self._listing is not None and device not in self._listing:
            return  # it would count as in step when it is listed
        mine = self._own[device]
        self.feed.align(device, mine)
        theirs = self.feed.sent.get(device)
        if mine == theirs:
            del self._own[device]
        elif mine is not None and theirs is not None and mine < theirs:
            self._sequencer.ask(device)
