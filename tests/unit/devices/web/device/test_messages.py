"""How a device speaks, over HTTP: its topics, and its last messages with what became of them. The gateway is played."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from bridge.dialects.builtin import NATIVE_ALONE, Enabled
from bridge.dialects.dialect import Route
from bridge.gateway_status import HeardMessage, HeardNews
from bridge.shards import device_hash
from devices.listenings import record, take
from devices.models import Device, Listening, Mapping, Quarantined, Source
from devices.models import HeardMessage as Row
from tests.support.dialects.player import Player
from tests.support.dialects.rows import rows
from tests.support.dialects.spoken import SPOKEN
from tests.support.worlds.fake_worker import set_twin

URL = "/api/v1/devices/demo/lamp/messages"
AT_MS = 1_790_000_000_000


def message(number: int, kind: str, payload: bytes, **more: Any) -> HeardMessage:
    fields = {"topic": f"devices/demo/lamp/{kind}", "kind": kind, "detail": "", "dialect": "", "size": len(payload)}
    return HeardMessage(number=number, payload=payload, **{**fields, "retained": False, "at_ms": AT_MS, **more})


def post(client: Client, url: str = URL, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def test_what_a_device_says_is_shown_with_what_became_of_it(as_role: Callable[..., Client]) -> None:
    set_twin("demo/lamp")
    client = as_role(demo="operator")
    nobody_looked = client.get(URL).json()
    assert nobody_looked == {
        "dialect": "native", "source": "demo/lamp", "filters": ["devices/demo/lamp/#"], "status": "none",
        "reason": "", "until_at": None, "limited": False, "items": [], "next": None,
    }  # fmt: skip
    begun = post(client, minutes=2)
    assert (begun.status_code, begun.json()["status"]) == (202, "waiting")
    assert post(client).status_code == 202, "it goes on"
    (asked,) = take("g", (), 9)
    assert (asked.filters, asked.source) == (("devices/demo/lamp/#",), "demo/lamp")
    heard = (
        message(1, "telemetry", b'{"t":21.5,"ok":true}'),
        message(2, "telemetry", b"{"),
        message(3, "status", b"online", retained=True),
        message(4, "telemetry", b"{", size=9_000),
        message(5, "ack", b'{"status":"done"}', detail="x"),
    )
    record(HeardNews(number=asked.number, status="listening", heard=heard, messages=5))
    record(HeardNews(number=asked.number, status="listening", heard=heard[:1], gone=(3,), messages=5))
    lamp = Device.objects.get(key="demo/lamp")
    kept = {"payload": b"", "qos": 1, "retain": False, "received_ms": AT_MS + 40, "reason": "unknown_command"}
    Quarantined.objects.create(device=lamp, topic="devices/demo/lamp/ack", **kept)
    shown = client.get(URL).json()
    assert shown["status"] == "listening"
    assert [(one["payload"], one["became"], one["reason"], one["says"]) for one in shown["items"]] == [
        ('{"status":"done"}', "quarantined", "unknown_command", ["answer"]),
        ("{", "unknown", None, []),
        ("{", "quarantined", "bad_json", ["malformed"]),
        ('{"t":21.5,"ok":true}', "applied", None, ["telemetry"]),
    ]
    assert shown["items"][-1]["metrics"] == {"t": 21.5, "ok": True}
    assert "Listening" not in str(client.get(f"/api/v1/listen/{asked.number}").json())


def test_of_a_bridges_messages_those_about_the_device_are_shown(as_role: Callable[..., Client]) -> None:
    player = Player(SPOKEN["zigbee2mqtt"].dialect()).play(rows("zigbee2mqtt")[:9])
    state = player.states["home/zigbee2mqtt"]
    key = "home/zigbee2mqtt~0x0017880103d4e5f6"
    set_twin(key, lambda twin: setattr(twin, "dialect", "zigbee2mqtt"))
    texts = {"model": state.model, "live": state.live}
    Source.objects.create(
        key="home/zigbee2mqtt", dialect="zigbee2mqtt", hash=device_hash(key), revision=player.dialect.revision, **texts
    )
    spoken = (*NATIVE_ALONE, Enabled("zigbee2mqtt", SPOKEN["zigbee2mqtt"].bases))
    with override_settings(DEVICES=replace(settings.DEVICES, spoken=spoken)):
        client, url = as_role(home="operator"), f"/api/v1/devices/{key}/messages"
        assert post(client, url).json()["filters"] == ["zigbee2mqtt/living/lamp", "zigbee2mqtt/living/lamp/+"]
        (asked,) = take("g", (), 9)
        assert (asked.source, asked.filters) == ("home/zigbee2mqtt", ("zigbee2mqtt/#",))
        heard = []
        for number, topic in enumerate(("zigbee2mqtt/living/lamp", "zigbee2mqtt/bath/climate", "zigbee2mqtt/nobody")):
            route = player.dialect.route(topic)
            assert isinstance(route, Route)
            how = {"topic": topic, "detail": route.detail, "dialect": "zigbee2mqtt"}
            heard.append(message(number, route.kind, b'{"state":"ON","linkquality":7}', **how))
        record(HeardNews(number=asked.number, status="listening", heard=tuple(heard), messages=3))
        (lamp,) = client.get(url).json()["items"]
    assert (lamp["topic"], lamp["became"], lamp["metrics"]["state"]) == ("zigbee2mqtt/living/lamp", "applied", True)


def test_two_at_a_time_and_the_newest_ten_are_kept(as_role: Callable[..., Client]) -> None:
    client = as_role(demo="operator")
    for number in range(12):
        set_twin(f"demo/d{number}")
        assert post(client, f"/api/v1/devices/demo/d{number}/messages").status_code == 202
        listening = Listening.objects.latest("pk")
        record(HeardNews(number=listening.pk, status="ended", heard=(message(1, "status", b"online"),), messages=1))
    assert Listening.objects.count() == Row.objects.count() == 10
    assert [post(client, f"/api/v1/devices/demo/d{number}/messages").status_code for number in range(3)] == [
        202, 202, 409,
    ]  # fmt: skip


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 202)])
def test_who_may_command_may_look(as_role: Callable[..., Client], role: str, status: int) -> None:
    set_twin("demo/lamp")
    assert post(as_role(demo=role)).status_code == status
    assert as_role("other", elsewhere="admin").get(URL).status_code == 404
    assert post(as_role("third", demo="operator"), minutes=11).status_code == 400


def test_of_what_a_mapping_reads_the_topics_are_its_patterns(as_role: Callable[..., Client]) -> None:
    url = "/api/v1/devices/home/roof/messages"
    set_twin("home/roof", lambda twin: setattr(twin, "dialect", "mapping"))
    client = as_role(home="operator")
    assert (client.get(url).json()["filters"], post(client, url).status_code) == ([], 409)
    weather = {"site": "home", "pattern": "weather/{device}/{metric}", "payload": "number"}
    yard = {"site": "home", "pattern": "yard/+/x", "payload": "number", "metric": "x", "device": "yard"}
    for number, rule in enumerate((weather, yard)):
        Mapping.objects.create(rule=rule, changed_ms=number, created_by="ann")
    assert post(client, url).json()["filters"] == ["weather/roof/+"]
