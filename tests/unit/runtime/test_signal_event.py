"""A flag that signal handlers set: nobody waits for ever, however often and whenever a signal comes."""

import signal
import threading

import pytest

from runtime.signal_event import SignalEvent


def test_it_is_waited_for_until_it_is_set() -> None:
    event = SignalEvent()
    assert not event.wait(0)
    threads = [threading.Thread(target=event.wait, args=(60,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    event.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert event.wait(0)
    event.clear()
    assert not event.wait(0)
    assert not event.is_set()


@pytest.mark.timeout(60)
def test_a_signal_may_set_it_at_any_moment_of_waiting() -> None:
    """threading.Event stands still for ever in this test, nearly always."""
    event = SignalEvent()
    signals: list[None] = []

    def ring(*_signal: object) -> None:
        signals.append(None)
        event.set()

    former = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
        while len(signals) < 2_000:
            event.wait(0.00001)
            event.clear()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
