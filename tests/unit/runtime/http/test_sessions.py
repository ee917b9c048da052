"""Sessions end by the database's clock, whatever the machine's says."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from runtime.http.sessions import SessionStore

pytestmark = pytest.mark.django_db


def begun() -> SessionStore:
    session = SessionStore()
    session["who"] = "ann"
    session.create()
    return session


@pytest.mark.parametrize("machine", [datetime(1970, 1, 2, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)])
def test_case_d1_a_machine_whose_clock_is_off_ends_no_session(
    machine: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: machine)
    session = begun()
    assert SessionStore(session.session_key).load() == {"who": "ann"}
    SessionStore.clear_expired()
    assert session.exists(str(session.session_key))
    left = session.get_expiry_date() - datetime.now(UTC)
    assert abs(left - timedelta(seconds=session.get_session_cookie_age())) < timedelta(minutes=1)


def test_one_that_has_ended_begins_anew_under_another_key() -> None:
    session = begun()
    session.model.objects.update(expire_date=datetime.now(UTC) - timedelta(seconds=1))
    again = SessionStore(session.session_key)
    assert again.load() == {}
    assert again.session_key is None
    SessionStore.clear_expired()
    assert not session.exists(str(session.session_key))
