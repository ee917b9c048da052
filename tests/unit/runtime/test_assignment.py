"""Shares: even, pinned first, few moves; from any state to rest."""

import random
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from runtime.assignment import Peer, assign

NAMES = ["a", "b", "c", "d", "e"]
GONE = ["x", "y"]  # workers that are dead, whose leases may last


@st.composite
def states(draw: st.DrawFn, *, pins: bool = True) -> tuple[list[Peer], dict[int, str], int]:
    shards = draw(st.integers(1, 12))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    pinned = st.frozensets(st.integers(0, shards - 1), max_size=4) if pins else st.just(frozenset[int]())
    peers = [Peer(name, draw(pinned)) for name in names]
    holders = draw(st.dictionaries(st.integers(0, shards - 1), st.sampled_from(NAMES + GONE)))
    return peers, holders, shards


def sharers(peers: Collection[Peer]) -> list[str]:
    return [peer.owner for peer in peers if not peer.pinned]


def rest(peers: Collection[Peer], shards: int) -> list[int]:
    pinned = {shard for peer in peers for shard in peer.pinned}
    return [shard for shard in range(shards) if shard not in pinned]


@given(states())
def test_everybody_gets_pinned_shards_or_an_even_share(state: tuple[list[Peer], dict[int, str], int]) -> None:
    peers, holders, shards = state
    assigned = assign(peers, holders, shards)
    for peer in peers:
        if peer.pinned:
            assert {shard for shard, owner in assigned.items() if owner == peer.owner} <= peer.pinned
    for shard in {shard for peer in peers for shard in peer.pinned}:
        wanting = {peer.owner for peer in peers if shard in peer.pinned}
        assert assigned[shard] in wanting
        assert holders.get(shard) not in wanting or assigned[shard] == holders[shard], "who has it keeps it"
    if owners := sharers(peers):
        counts = Counter(assigned[shard] for shard in rest(peers, shards))
        assert set(counts) <= set(owners)
        assert max(counts[owner] for owner in owners) - min(counts[owner] for owner in owners) <= 1
    else:
        assert not any(shard in assigned for shard in rest(peers, shards))


@given(states())
def test_it_is_the_same_for_everybody(state: tuple[list[Peer], dict[int, str], int]) -> None:
    peers, holders, shards = state
    again = dict(sorted(holders.items(), reverse=True))
    assert assign(peers[::-1], again, shards) == assign(peers, holders, shards)


@given(states())
def test_no_more_shards_than_necessary_change_hands(state: tuple[list[Peer], dict[int, str], int]) -> None:
    peers, holders, shards = state
    owners, free_to_share = sharers(peers), rest(peers, shards)
    if not owners:
        return
    assigned = assign(peers, holders, shards)
    moved = sum(holders.get(shard) in owners and assigned[shard] != holders[shard] for shard in free_to_share)
    assert moved == _fewest_moves(owners, holders, free_to_share)


def _fewest_moves(owners: list[str], holders: Mapping[int, str], shards: list[int]) -> int:
    """By trying who gets one more."""
    held = Counter(holders.get(shard) for shard in shards)
    least, larger = divmod(len(shards), len(owners))
    return min(
        sum(max(0, held[owner] - least - (owner in lucky)) for owner in owners)
        for lucky in combinations(owners, larger)
    )


@given(states(), st.randoms(use_true_random=False))
def test_it_comes_to_rest_from_any_state(state: tuple[list[Peer], dict[int, str], int], chance: random.Random) -> None:
    """Workers act one at a time, in any order, on what they see: they give up, and they take what is free."""
    peers, holders, shards = state
    for turn in range(6 * len(peers)):
        peer = chance.choice(peers) if turn < 2 * len(peers) else peers[turn % len(peers)]
        if turn == len(peers):  # the leases of the dead are over by now
            living = {one.owner for one in peers}
            holders = {shard: owner for shard, owner in holders.items() if owner in living}
        _act(peer, peers, holders, shards)
    assert holders == assign(peers, holders, shards), "nobody has anything left to do"


def _act(peer: Peer, peers: list[Peer], holders: dict[int, str], shards: int) -> None:
    assigned = assign(peers, holders, shards)
    for shard in range(shards):
        if holders.get(shard) == peer.owner and assigned.get(shard) != peer.owner:
            del holders[shard]
        elif assigned.get(shard) == peer.owner and shard not in holders:
            holders[shard] = peer.owner  # none that is another's: so a shard never has two


def test_who_has_most_keeps_one_more() -> None:
    peers = [Peer("a"), Peer("b")]
    assert assign(peers, {0: "b", 1: "b", 2: "b"}, 3) == {0: "b", 1: "b", 2: "a"}
    assert assign(peers, {}, 3) == {0: "a", 1: "a", 2: "b"}


def test_the_second_pinned_worker_waits_for_the_first() -> None:
    both = [Peer("a", frozenset({0})), Peer("b", frozenset({0}))]
    assert assign(both, {0: "b"}, 2) == {0: "b"}
    assert assign(both, {0: "c"}, 2) == assign(both, {}, 2) == {0: "a"}
