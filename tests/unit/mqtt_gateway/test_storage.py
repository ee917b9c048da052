"""Epochs and sessions in the database."""

import pytest

from mqtt_gateway.storage import open_session, save_filters

pytestmark = pytest.mark.django_db


def test_a_session_keeps_the_name_of_the_epoch_that_began_it() -> None:
    opened = [open_session("g", "h:1", session_present=present) for present in (False, True, True, False, True)]
    assert [(one.epoch, one.session) for one in opened] == [(1, 1), (2, 1), (3, 1), (4, 4), (5, 4)]


def test_a_session_that_we_know_nothing_of_begins_now() -> None:
    assert open_session("g", "h:1", session_present=True).session == 1


def test_brokers_are_told_apart() -> None:
    open_session("g", "h:1", session_present=False)
    assert open_session("g", "h:2", session_present=False).session == 2
    assert open_session("g", "h:1", session_present=True).session == 1


def test_filters_go_with_the_session() -> None:
    open_session("g", "h:1", session_present=False)
    save_filters("g", "h:1", {"devices/#": True})
    assert open_session("g", "h:1", session_present=True).known == {"devices/#": True}
    lost = open_session("g", "h:1", session_present=False)
    assert (lost.known, lost.forgotten) == ({}, True)
    assert not open_session("g", "h:1", session_present=False).forgotten
