"""Samples of what was rejected: added up by topic and reason, bounded."""

from bridge.dialects.refusals.rejections import MAX_PAYLOAD_BYTES, MAX_TOPIC_CHARS, MOST_TOPICS, Rejection, Rejections


def test_case_i8_they_are_added_up_by_topic_and_reason() -> None:
    waiting = Rejections()
    waiting.add("a/b", "odd_levels", b"1", 10)
    waiting.add("a/b", "odd_levels", b"2", 20)
    waiting.add("a/b", "bad_name", b"3", 30, "demo/lamp")
    assert waiting.found
    assert waiting.take() == [
        Rejection("a/b", "odd_levels", 2, 20, b"2"),
        Rejection("a/b", "bad_name", 1, 30, b"3", "demo/lamp"),
    ]
    assert not waiting.found
    assert waiting.take() == []


def test_what_could_not_be_stored_is_put_back_beside_what_came_meanwhile() -> None:
    waiting = Rejections()
    waiting.add("a", "x", b"old", 10)
    (former,) = waiting.take()
    waiting.add("a", "x", b"new", 20)
    waiting.put(former)
    assert waiting.take() == [Rejection("a", "x", 2, 20, b"new")]


def test_a_flood_of_topics_fills_nothing() -> None:
    waiting = Rejections()
    for number in range(10 * MOST_TOPICS):
        waiting.add(f"{number}/{'x' * 60_000}", "odd_levels", b"y" * 100_000, 1)
    found = waiting.take()
    assert len(found) == MOST_TOPICS
    assert {len(one.topic) for one in found} == {MAX_TOPIC_CHARS}
    assert {len(one.payload) for one in found} == {MAX_PAYLOAD_BYTES}


def test_a_topic_is_made_what_a_database_takes() -> None:
    waiting = Rejections()
    waiting.add("a\0b\ud800", "bad_name", b"", 1)
    assert [one.topic for one in waiting.take()] == ["a\\0b?"]
