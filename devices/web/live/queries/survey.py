"""What is read every second: what works (devices.web.operations.truth), commits, new devices."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from devices.models import Device
from devices.web.live.stream.server_frames import UpDown
from devices.web.operations.observer import read_facts
from devices.web.operations.truth import Facts, Truth

_NEW_DEVICES: Final = 1_000


class Link(Struct, frozen=True):
    """A ``link`` frame's content."""

    broker: UpDown = "unknown"
    workers: UpDown = "unknown"
    gateway: UpDown = "unknown"
    layer: UpDown = "unknown"
    database: UpDown = "unknown"
    fresh: bool = False
    since: int = 0  # Unix ms; when the last of it became what it is. Another one: it changed in between

    def says_the_same(self, other: "Link") -> bool:
        """Whether all words are the other's."""
        return all(getattr(self, name) == getattr(other, name) for name in self.__struct_fields__ if name != "since")


class Survey(Struct, frozen=True):
    """What is read every second."""

    facts: Facts
    new_devices: list[tuple[int, str]]  # (primary key, device key) above the one asked for, oldest first

    @property
    def commits(self) -> dict[int, int]:
        """Shard → number of its last broadcast."""
        return {shard.number: shard.commit for shard in self.facts.shards}


def survey(after_pk: int | None, shards: int) -> Survey:
    """Read the tables. Synchronous; two short queries, and one more where there are new devices.

    Args:
        after_pk: the primary key of the newest device known; None: nobody wants to know which are new.
        shards: how many there are.
    """
    facts = read_facts(shards)
    is_more = after_pk is not None and facts.newest_pk > after_pk
    return Survey(facts, _new_devices(after_pk or 0) if is_more else [])


def link(truth: Truth, former: Link | None, now_ms: int) -> Link:
    """The frame's content.

    Args:
        truth: of now.
        former: what was shown last; None: nothing.
        now_ms: Unix ms.
    """
    states = {name: part.state for name, part in truth.parts.items()}
    made = Link(**states, fresh=truth.fresh, since=truth.since)
    if former is None:
        return replace(made, since=truth.since or now_ms)
    if not made.says_the_same(former):
        return replace(made, since=max(now_ms, made.since))
    return former if made.since <= former.since else made


def _new_devices(after_pk: int) -> list[tuple[int, str]]:
    devices = Device.objects.filter(pk__gt=after_pk).order_by("-pk").values_list("pk", "key")
    return list(devices[:_NEW_DEVICES])[::-1]
