"""The web process takes as many sockets as the system lets it, and begins requests at once."""

import resource
from collections.abc import Iterator

import pytest
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries

from runtime.http.web_process import allow_many_sockets, begin_requests_at_once


@pytest.fixture
def few() -> Iterator[int]:
    """A low soft limit; the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, hard - 1), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_becomes_the_hard_one(few: int) -> None:
    allow_many_sockets()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few, few)


@pytest.fixture
def signals() -> Iterator[None]:
    """What Django does before each request, as it was afterwards."""
    yield
    for receiver in (reset_queries, close_old_connections):
        request_started.connect(receiver)


@pytest.mark.usefixtures("signals")
def test_nothing_is_done_in_a_thread_before_a_request_begins() -> None:
    assert request_started.has_listeners()
    begin_requests_at_once()
    assert not request_started.has_listeners()
