"""Hashing in turn: the same hashes, one at a time, and a bound on who waits."""

import threading

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from runtime.http import hashing
from runtime.http.hashing import HashingQueue, QueuedPBKDF2PasswordHasher, TooManyHashesError


def test_the_hash_is_djangos() -> None:
    queued = QueuedPBKDF2PasswordHasher().encode("secret", "salt", 10)
    assert queued == PBKDF2PasswordHasher().encode("secret", "salt", 10)
    assert QueuedPBKDF2PasswordHasher().verify("secret", queued)


def test_a_hash_that_has_begun_is_waited_for_however_slow_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_S", 0.01)
    queue, begun, go_on = HashingQueue(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait(10)
        return "done"

    found: list[str] = []
    first = threading.Thread(target=lambda: found.append(queue.run(slow)))
    first.start()
    assert begun.wait(10)
    with pytest.raises(TooManyHashesError):  # its turn does not come in time
        queue.run(slow)
    go_on.set()
    first.join()
    assert found == ["done"]


def test_who_finds_no_place_is_told_at_once() -> None:
    queue, begun, go_on = HashingQueue(max_waiting=2), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait(10)
        return "done"

    threads = [threading.Thread(target=queue.run, args=(slow,)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    while queue._places._value:
        pass
    with pytest.raises(TooManyHashesError):
        queue.run(slow)
    go_on.set()
    for thread in threads:
        thread.join()
    assert queue.run(slow) == "done"
