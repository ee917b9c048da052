"""Who is to own which shard: even, the same for everybody who sees the same, and with as few moves as possible. Pure.

Pinned workers (``--shards``) get theirs, of several the one that has it already. The other workers share what is not
pinned: ⌊shards/workers⌋ or ⌈shards/workers⌉ each, the larger shares for those that have most now, then by name. Each
keeps what it has, up to its share, its lowest numbers first.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct


class Peer(Struct, frozen=True):
    """A living worker."""

    owner: str  # its name
    pinned: frozenset[int] = frozenset()  # the shards that it is told to have; none: its even share


def assign(peers: Collection[Peer], holders: Mapping[int, str], shards: int) -> dict[int, str]:
    """Shard → the name of who is to own it. Those that nobody wants (all workers are pinned to others) are left out.

    Args:
        peers: all living workers.
        holders: shard → who owns it now; without those that are free.
        shards: how many there are.
    """
    assigned = _pinned(peers, holders, shards)
    rest = [shard for shard in range(shards) if shard not in assigned]
    owners = sorted(peer.owner for peer in peers if not peer.pinned)
    return assigned | _shared(owners, holders, rest)


def _pinned(peers: Collection[Peer], holders: Mapping[int, str], shards: int) -> dict[int, str]:
    out: dict[int, str] = {}
    for peer in sorted(peers, key=lambda peer: peer.owner):
        for shard in peer.pinned:
            if shard < shards and (shard not in out or holders.get(shard) == peer.owner):
                out[shard] = peer.owner
    return out


def _shared(owners: Sequence[str], holders: Mapping[int, str], rest: Sequence[int]) -> dict[int, str]:
    if not owners:
        return {}
    held = {owner: [shard for shard in rest if holders.get(shard) == owner] for owner in owners}
    least, larger = divmod(len(rest), len(owners))
    by_need = sorted(owners, key=lambda owner: (-len(held[owner]), owner))
    shares = {owner: least + (place < larger) for place, owner in enumerate(by_need)}
    out = {shard: owner for owner in owners for shard in held[owner][: shares[owner]]}
    left = iter([shard for shard in rest if shard not in out])
    for owner in owners:
        for _, shard in zip(range(shares[owner] - len(held[owner])), left, strict=False):
            out[shard] = owner
    return out
