"""The link in a small world that does its worst: a model broker, the gateway's real parts, a layer, any kind of worker.

::

    Broker ══ wire ══> Gateway ══ air ══> inbox ──> Bank        messages on wire and air may be lost; the air repeats
           <═ pubacks ═        <═ acks ══              and reorders; Gateway, Bank and the broker's session may vanish

:meth:`World.do` takes one step; after any steps, :meth:`World.heal` lets everything work until nothing is left to do.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bridge.link import Cursor
from bridge.messages import Batch, LinkAck
from tests.support.worlds.link_broker import IDS, LIMIT, NOBODYS, Broker, Message
from tests.support.worlds.link_gateway import SHARDS, Gateway

WINDOW: Final = 2 * LIMIT  # of bridge.redelivery
CONTENTS: Final = (("telemetry", {"t": 0}), ("telemetry", {"t": 1}), ("state", {"a": 1}), ("state", {"a": None}))
_ALL: Final = 99
_ROUNDS: Final = 100  # in which everything must be done once nothing fails any more


class Bank(Protocol):
    """The workers and their database."""

    def work(self, batches: Sequence[Batch], *, commits: bool = True) -> list[tuple[str, LinkAck]]:
        """One transaction. If it does not commit, what is in memory is gone, too."""

    def die(self) -> None:
        """What is in memory is gone."""

    def cursor(self, shard: int) -> Cursor:
        """As stored."""

    def counts(self, shard: int) -> Counter[str]:
        """The stored ledger, by outcome."""


@dataclass
class World:
    """All of it.

    Attributes:
        bank: the workers.
        devices: keys of devices that publish with QoS 1; the last one does with QoS 0.
        client_id: the gateway's.
    """

    bank: Bank
    devices: Sequence[str]
    client_id: str = "gateway"
    published: list[Message] = field(default_factory=list)
    broker: Broker = field(default_factory=Broker)
    air: list[Batch] = field(default_factory=list)
    delayed: list[Batch] = field(default_factory=list)
    inbox: list[Batch] = field(default_factory=list)
    acks: list[tuple[str, LinkAck]] = field(default_factory=list)
    now_s: float = 0
    epoch: int = 0
    session: int = 0

    def __post_init__(self) -> None:
        self._processes = 0
        self._start()

    def _start(self) -> None:
        self._processes += 1
        self.gateway = Gateway(self.client_id, self._processes)

    def do(self, step: str, number: int) -> None:
        """One step, by the name of a method below; ``number`` chooses in it. Nothing if there is nothing to choose."""
        action: Callable[[int], None] = getattr(self, f"_{step}")
        action(number)
        assert len(self.broker.unconfirmed) <= LIMIT
        assert len(self.gateway.order) <= LIMIT

    def _nothing(self, _number: int) -> None:
        """What steps shrink to."""

    # ------------------------------------------------------------------------------------------- the broker

    def _publish(self, number: int) -> None:
        """Few devices, topics and payloads: messages look alike."""
        which, what = divmod(number, len(CONTENTS))
        device = (*self.devices, "")[which % (len(self.devices) + 1)] or self._nobody()
        qos = 0 if device == self.devices[-1] else 1
        topic, payload = CONTENTS[what]
        message = Message(len(self.published) + 1, device, topic, payload, qos)
        self.published.append(message)
        self.broker.publish(message)

    def _nobody(self) -> str:
        """Unless there were many of it lately."""
        in_turn = [one.device for one in self.published if one.qos][-IDS:]
        return "" if in_turn.count("") < NOBODYS else self.devices[0]

    def _connect(self, _number: int) -> None:
        if self.broker.connected:
            return
        self.epoch += 1
        if not self.broker.connect():
            self.session = self.epoch
        self.gateway.connect(self.epoch, self.session)

    def _disconnect(self, _number: int) -> None:
        self.broker.disconnect()
        self.gateway.disconnect()

    def _lose_session(self, number: int) -> None:
        self._disconnect(number)
        self.broker.forget()

    def _receive(self, number: int) -> None:
        """Some PUBLISHes get to the gateway."""
        for _ in range(min(number + 1, len(self.broker.wire))):
            self.gateway.receive(*self.broker.wire.popleft())
        self._give_pubacks()

    def _confirm(self, number: int) -> None:
        """Some PUBACKs get to the broker."""
        for _ in range(min(number + 1, len(self.broker.pubacks))):
            message = self.broker.confirmed()
            assert not message.device or self._is_committed(message), f"{message} was confirmed too early"

    def _give_pubacks(self) -> None:
        if self.broker.connected:
            self.broker.pubacks.extend(self.gateway.order.ready())

    def _is_committed(self, message: Message) -> bool:
        batches = self.gateway.sent.get(message.serial, set())
        cursors = {shard: self.bank.cursor(shard) for shard, _, _ in batches}
        return any(cursors[shard].epoch == epoch and seq <= cursors[shard].seq for shard, epoch, seq in batches)

    # ------------------------------------------------------------------------------------------ the gateway

    def _send(self, number: int) -> None:
        """A shard's next batch goes out, or all shards'."""
        shards = range(SHARDS) if number >= SHARDS else [number]
        self.air += self.gateway.send(self.now_s, shards)

    def _resend(self, _number: int) -> None:
        """Time passes."""
        self.now_s += 10
        self._send(SHARDS)

    def _kill_gateway(self, _number: int) -> None:
        self.broker.disconnect()
        self._start()

    # -------------------------------------------------------------------------------------------- the layer

    def _deliver(self, number: int) -> None:
        if self.air:
            self.inbox.append(self.air.pop(number % len(self.air)))

    def _repeat(self, number: int) -> None:
        if self.air:
            self.inbox.append(self.air[number % len(self.air)])

    def _delay(self, number: int) -> None:
        """A repeat that may come much later, when its connection is long over."""
        if self.air:
            self.delayed.append(self.air[number % len(self.air)])

    def _come_late(self, _number: int) -> None:
        if self.delayed:
            self.inbox.append(self.delayed.pop(0))

    def _lose(self, number: int) -> None:
        if self.air:
            self.air.pop(number % len(self.air))

    def _acknowledge(self, number: int) -> None:
        if self.acks:
            channel, ack = self.acks.pop(number % len(self.acks))
            if channel == self.gateway.reply_to:
                self.gateway.links[ack.shard].acknowledge(ack, self.now_s)
                self._give_pubacks()

    def _repeat_acknowledgement(self, number: int) -> None:
        if self.acks:
            self.acks.append(self.acks[number % len(self.acks)])

    def _lose_acknowledgement(self, number: int) -> None:
        if self.acks:
            self.acks.pop(number % len(self.acks))

    # ------------------------------------------------------------------------------------------ the workers

    def _work(self, _number: int) -> None:
        self.acks += self.bank.work(self.inbox)
        self.inbox.clear()
        self._check_ledger()

    def _fail(self, number: int) -> None:
        """The transaction fails; the batches are given again, or not."""
        self.bank.work(self.inbox, commits=False)
        if number % 2:
            self.inbox.clear()

    def _work_unheard(self, number: int) -> None:
        """The worker dies between commit and acknowledgement."""
        self.bank.work(self.inbox)
        self._kill_worker(number)

    def _kill_worker(self, _number: int) -> None:
        self.bank.die()
        self.inbox.clear()
        self._check_ledger()

    def _check_ledger(self) -> None:
        for shard in range(SHARDS):
            counts = self.bank.counts(shard)
            assert counts.pop("received", 0) == counts.total(), f"shard {shard} is out of balance: {counts}"

    # ----------------------------------------------------------------------------------------------- health

    def _flow(self, number: int) -> None:
        """Everything works for a moment, up to a link of the chain."""
        chain = (self._connect, self._receive, self._send, self._deliver_all, self._work, self._hear_all, self._confirm)
        for step in chain[: 1 + number % len(chain)]:
            step(_ALL)

    def _relapse(self, number: int) -> None:
        """The gateway is killed again and again, once it has something new: only redeliveries are stored."""
        for _ in range(number):
            for _ in range(LIMIT):
                self._publish(0)
            self._flow(6)
            self._receive(_ALL)
            self._kill_gateway(0)

    def _turn(self, number: int) -> None:
        """Other devices' messages take almost all packet ids once: the next one gets that of the last one."""
        for index in range(IDS - 1):
            self._publish((len(self.devices) if index < NOBODYS else 2 * number) * len(CONTENTS))
            self._flow(6)

    def _deliver_all(self, _number: int) -> None:
        self.inbox += self.air
        self.air.clear()

    def _hear_all(self, _number: int) -> None:
        while self.acks:
            self._acknowledge(0)

    def heal(self) -> None:
        """Nothing fails any more: all is done in time."""
        for _ in range(_ROUNDS):
            self._resend(0)
            self._flow(6)
            if not (self.broker.waiting or self.broker.unconfirmed):
                return
        raise AssertionError("something is stuck")

    # ---------------------------------------------------------------------------------------------- results

    def check(self, applied: dict[str, list[int]], topic: str = "") -> None:
        """What took effect is what the broker did not forget: once each, in order.

        Args:
            applied: serials by device.
            topic: only of messages on this one; "" for all.
        """
        unreliable = self.devices[-1]
        for device in self.devices:
            got = applied.get(device, [])
            sent = [one.serial for one in self.published if one.device == device and topic in ("", one.topic)]
            lost = self.broker.forgotten if device != unreliable else set(sent)
            assert got == [serial for serial in sent if serial not in lost or serial in got]
