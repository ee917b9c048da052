"""What is ours, from taken to given up."""

import asyncio

from devices.worker.ownership.shard_states import ShardStates


def served(possession: ShardStates) -> None:
    """Rounds until all is loaded and given up."""
    for _ in range(9):
        possession.round_done(possession.next_round, possession.leaving)


def test_shards_are_loaded_one_a_round() -> None:
    mine = ShardStates()
    mine.gain([2, 1, 3])
    assert mine.next_round == {1}
    assert mine.served == frozenset()
    mine.round_done(mine.next_round, frozenset())
    assert mine.next_round == {1, 2}
    assert mine.served == {1}
    served(mine)
    assert mine.served == mine.owned == {1, 2, 3}


def test_what_is_lost_is_not_served_and_told_once() -> None:
    mine = ShardStates()
    mine.gain([0, 1, 2])
    served(mine)
    mine.leave([2])
    assert mine.lose([0, 2, 7]) == {0, 2}
    assert mine.lose([0, 2]) == frozenset()
    assert mine.owned == mine.served == {1}
    assert mine.leaving == frozenset()


def test_a_round_that_began_before_the_loss_brings_nothing_back() -> None:
    mine = ShardStates()
    mine.gain([0, 1])
    served(mine)
    shards, leaving = mine.next_round, mine.leaving
    mine.lose([0])
    mine.leave([1])
    mine.round_done(shards, leaving)
    assert mine.served == frozenset()
    assert mine.leaving == {1}, "the next round gives it up"
    served(mine)
    assert mine.leaving == frozenset()


def test_what_is_left_is_not_served_any_more() -> None:
    mine = ShardStates()
    mine.gain([0, 1])
    served(mine)
    assert mine.leave([1, 5]) == {1}
    assert mine.leave([1]) == frozenset()
    assert mine.served == mine.next_round == {0}
    assert mine.leaving == {1}


async def test_who_waits_hears_of_changes() -> None:
    mine = ShardStates()
    changing = asyncio.create_task(mine.served_but(frozenset()))
    complete = asyncio.create_task(mine.complete())
    await asyncio.sleep(0)
    mine.gain([0])
    mine.settle(has_its_share=False)
    served(mine)
    assert await changing == {0}
    await asyncio.sleep(0)
    assert not complete.done()
    mine.settle(has_its_share=True)
    await asyncio.wait_for(complete, 1)


async def test_a_standby_without_shards_is_complete() -> None:
    mine = ShardStates()
    assert not mine.is_complete
    mine.settle(has_its_share=True)
    await asyncio.wait_for(mine.complete(), 1)
