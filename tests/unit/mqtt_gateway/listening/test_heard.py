"""What is heard is bounded, and says whose it is."""

from bridge.dialects.registry import dialects
from mqtt_gateway.listening.heard import MAX_PAYLOAD_BYTES, MAX_TOPIC_CHARS, MOST_TAKEN, MOST_TOPICS, HeardTopics
from mqtt_gateway.rules.routing import router


def test_each_topic_has_its_count_and_last_message() -> None:
    heard = HeardTopics(router(dialects("devices"), 4))
    heard.hear("weather/t", b"1", 10, retained=True)
    heard.hear("weather/t", b"2" * 9_000, 20, retained=False)
    heard.hear("devices/demo/a/telemetry", b"{}", 30, retained=False)
    heard.hear("devices/demo/a/desired", b"", 40, retained=True)
    heard.hear("causeway/gateway/gateway/marker", b"1", 45, retained=False)
    found = {one.topic: one for one in heard.take()}
    weather = found["weather/t"]
    assert (weather.count, weather.size, weather.retained, weather.last_ms) == (2, 9_000, False, 20)
    assert weather.payload == b"2" * MAX_PAYLOAD_BYTES
    assert (weather.dialect, weather.source, weather.reason) == ("", "", "foreign_root")
    native = found["devices/demo/a/telemetry"]
    assert (native.dialect, native.source, native.reason) == ("native", "demo/a", "")
    assert found["devices/demo/a/desired"].reason == "own_downlink"
    assert found["causeway/gateway/gateway/marker"].reason == "own_downlink"
    assert heard.take() == []
    heard.hear("weather/t", b"3", 50, retained=False)
    assert [(one.topic, one.count) for one in heard.take()] == [("weather/t", 3)]


def test_what_there_is_no_room_for_is_counted() -> None:
    heard = HeardTopics(router(dialects("devices"), 4))
    heard.hear("x" * (MAX_TOPIC_CHARS + 1), b"", 1, retained=False)
    for number in range(MOST_TOPICS + 5):
        heard.hear(f"t/{number}", b"", 1, retained=False)
    heard.hear("t/0", b"", 2, retained=False)
    assert len(heard.take()) == MOST_TOPICS
    assert (heard.messages, heard.more) == (MOST_TOPICS + 7, 6)


def test_there_is_room_for_what_nobody_takes_however_much_else_there_is() -> None:
    heard = HeardTopics(router(dialects("devices"), 4))
    for number in range(MOST_TOPICS + 5):
        heard.hear(f"devices/demo/d{number}/telemetry", b"{}", 1, retained=False)
    heard.hear("weather/t", b"1", 2, retained=False)
    heard.hear("devices/demo/d0/telemetry", b"{}", 3, retained=False)
    found = {one.topic: one.count for one in heard.take()}
    assert (len(found), found["weather/t"], found["devices/demo/d0/telemetry"]) == (MOST_TAKEN + 1, 1, 2)
    assert heard.more == MOST_TOPICS + 5 - MOST_TAKEN
