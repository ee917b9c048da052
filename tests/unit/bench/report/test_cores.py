"""Cores and the time that threads have on them."""

import os
import signal
import threading
import time

import pytest

from bench.report.cores import alone, thread_times


def test_a_thread_that_works_has_run() -> None:
    before = thread_times(os.getpid())
    begun = time.thread_time()
    while time.thread_time() < begun + 0.05:
        pass
    thread = threading.get_native_id()
    assert thread_times(os.getpid())[thread] - before[thread] == pytest.approx(0.05, rel=0.5)


def test_one_process_has_a_core_of_its_own_for_a_while_if_there_are_several() -> None:
    every = os.sched_getaffinity(0)
    pids = [os.posix_spawn("/bin/sleep", ["sleep", "60"], {}) for _ in range(2)]
    try:
        with alone(pids[0], pids) as so:
            own, other, ourselves = (os.sched_getaffinity(pid) for pid in (*pids, 0))
        assert so == (len(every) > 1)
        assert len(own) == 1
        assert other == ourselves == (every - own or own)
        assert [os.sched_getaffinity(pid) for pid in (*pids, 0)] == [every] * 3
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
