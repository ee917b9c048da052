"""Hashing in turn: the same hashes, one at a time, and a bound on who waits."""

import threading

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from runtime.http.hashing import HashingQueue, QueuedPBKDF2PasswordHasher, TooManyHashesError


def test_the_hash_is_djangos() -> None:
    queued = QueuedPBKDF2PasswordHasher().encode("secret", "salt", 10)
    assert queued == PBKDF2PasswordHasher().encode("secret", "salt", 10)
    assert QueuedPBKDF2PasswordHasher().verify("secret", queued)


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
