"""The last messages of one source are kept, bounded, what it rarely says longest."""

from bridge.dialects.registry import dialects
from mqtt_gateway.listening.heard import MAX_PAYLOAD_BYTES
from mqtt_gateway.listening.heard_messages import MOST_BYTES, MOST_MESSAGES, MOST_OF_A_TOPIC, HeardMessages
from mqtt_gateway.rules.routing import router


def listening() -> HeardMessages:
    return HeardMessages(router(dialects("devices"), 4), "demo/a", 5)


def test_each_message_of_the_source_is_kept_and_no_others() -> None:
    heard = listening()
    heard.hear("devices/demo/a/telemetry", b"1" * 9_000, 10, retained=False)
    for topic in (
        "devices/demo/b/telemetry",
        "devices/demo/a/desired",
        "weather/t",
        "devices/demo/a/event/" + "x" * 500,
    ):
        heard.hear(topic, b"{}", 20, retained=False)
    heard.hear("devices/demo/a/telemetry", b"2", 30, retained=True)
    new, gone = heard.take_messages()
    assert [(one.number, one.payload[:1], one.size, one.at_ms, one.retained) for one in new] == [
        (5, b"1", 9_000, 10, False), (6, b"2", 1, 30, True),
    ]  # fmt: skip
    assert (len(new[0].payload), new[0].kind, gone, heard.messages) == (MAX_PAYLOAD_BYTES, "telemetry", (), 2)
    assert heard.take_messages() == ((), ())


def test_what_is_said_often_gives_way() -> None:
    heard = listening()
    heard.hear("devices/demo/a/status", b"online", 1, retained=False)
    for number in range(MOST_OF_A_TOPIC + 3):
        heard.hear("devices/demo/a/telemetry", b"{}", number, retained=False)
    new, gone = heard.take_messages()
    assert (len(new), gone) == (MOST_OF_A_TOPIC + 1, ()), "what was never stored need not go"
    heard.hear("devices/demo/a/telemetry", b"{}", 99, retained=False)
    (_,), (oldest,) = heard.take_messages()
    assert oldest == new[1].number


def test_it_is_bounded_in_number_and_bytes() -> None:
    heard = listening()
    for number in range(MOST_MESSAGES + 20):
        heard.hear(f"devices/demo/a/event/e{number}", b"{}", number, retained=False)
    new, _ = heard.take_messages()
    assert [one.topic for one in new[:1]] == ["devices/demo/a/event/e20"]
    assert len(new) == MOST_MESSAGES
    for number in range(2 * MOST_BYTES // MAX_PAYLOAD_BYTES):
        heard.hear(f"devices/demo/a/event/e{number}", b"x" * MAX_PAYLOAD_BYTES, number, retained=False)
    new, _ = heard.take_messages()
    assert 0.9 * MOST_BYTES < sum(len(one.payload) for one in new) <= MOST_BYTES
