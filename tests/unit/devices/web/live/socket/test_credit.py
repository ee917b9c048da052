from devices.web.live.socket.credit import LIMIT_BYTES, PATIENCE_S, REPLIES_LIMIT_BYTES, RESUME_BYTES, Credit


def test_frames_are_numbered_from_one() -> None:
    credit = Credit()
    assert credit.n == 0
    credit.sent(10)
    assert credit.n == 1


def test_a_stream_may_send_one_mebibyte_unacknowledged() -> None:
    credit = Credit()
    credit.sent(LIMIT_BYTES - 100)
    assert credit.fits(100)
    assert not credit.fits(101)
    credit.sent(100)
    assert not credit.fits(1)
    assert credit.acknowledge(1)
    assert credit.unacknowledged_bytes == 100
    assert credit.fits(LIMIT_BYTES - 100)


def test_what_exceeds_all_credit_is_sent_when_nothing_is_unacknowledged() -> None:
    credit = Credit()
    assert credit.fits(LIMIT_BYTES + 1)
    credit.sent(1)
    assert not credit.fits(LIMIT_BYTES + 1)


def test_an_acknowledgement_of_what_was_never_sent_is_wrong() -> None:
    credit = Credit()
    credit.sent(10)
    assert not credit.acknowledge(2)
    assert not credit.acknowledge(-1)
    assert credit.unacknowledged_bytes == 10
    assert credit.acknowledge(1)
    assert credit.acknowledge(1)  # again: fine
    assert credit.acknowledge(0)


def test_a_client_that_makes_no_progress_is_lost_after_a_minute() -> None:
    credit = Credit()
    credit.sent(10)
    credit.sent(10)
    assert not credit.is_lost(1e9)
    credit.block(100)
    credit.block(150)  # still the same
    assert not credit.is_lost(100 + PATIENCE_S - 1)
    assert credit.is_lost(100 + PATIENCE_S)
    credit.acknowledge(1)
    assert not credit.is_lost(1e9)
    credit.block(200)
    credit.acknowledge(1)  # no progress
    assert credit.is_lost(200 + PATIENCE_S)


def test_replies_are_bounded_as_well() -> None:
    credit = Credit()
    credit.sent(REPLIES_LIMIT_BYTES)
    assert not credit.is_lost(0)
    credit.sent(1)
    assert credit.is_lost(0)


def test_a_stream_goes_on_when_a_quarter_is_free() -> None:
    credit = Credit()
    credit.sent(RESUME_BYTES)
    assert credit.may_resume
    credit.sent(1)
    assert not credit.may_resume
