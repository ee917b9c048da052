"""Quarantine over HTTP."""

import base64
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from devices.models import Device, Quarantined, Request
from devices.requests.registry import forget_devices
from devices.web.api.schemas import Quarantined as QuarantinedSchema
from devices.web.api.schemas import Replayed as ReplayedSchema
from tests.support.worlds.fake_worker import FakeWorker, set_twin

URL = "/api/v1/quarantine"
T0 = 1_790_000_000_000


def put(key: str, payload: bytes, reason: str = "bad_json") -> int:
    device = set_twin(key)
    row = Quarantined.objects.create(
        device=device, topic=f"devices/{key}/state", payload=payload, qos=1, retain=False, received_ms=T0, reason=reason
    )
    return int(row.pk)


def test_entries_of_visible_devices_the_newest_first(as_role: Callable[..., Client], db: None) -> None:
    first, hidden, second = put("demo/a", b"{oops"), put("secret/a", b"x"), put("demo/b", b"\xff", "bad_utf8")
    client = as_role(demo="viewer")
    items: list[Any] = client.get(URL).json()["items"]
    assert [item["id"] for item in items] == [second, first]
    assert items[1] == {
        "id": first, "device": "demo/a", "topic": "devices/demo/a/state", "reason": "bad_json", "detail": "",
        "received_at": "2026-09-21T14:13:20.000Z", "qos": 1, "retain": False, "truncated": False, "payload_bytes": 5,
        "payload": "{oops", "encoding": "utf-8",
    }  # fmt: skip
    QuarantinedSchema.model_validate(items[0], strict=True)
    assert (items[0]["payload"], items[0]["encoding"]) == (base64.b64encode(b"\xff").decode(), "base64")
    assert [item["id"] for item in client.get(f"{URL}?reason=bad_utf8").json()["items"]] == [second]
    assert [item["id"] for item in client.get(f"{URL}?device=demo/a").json()["items"]] == [first]
    assert client.get(f"{URL}?device=secret/a").json()["items"] == []
    assert client.get(f"{URL}/{hidden}").status_code == 404
    assert client.get(f"{URL}/{first}").json() == items[1]
    assert client.get(f"{URL}/x").status_code in {400, 404}


def test_what_is_no_devices_has_the_key_of_its_source(as_role: Callable[..., Client], db: None) -> None:
    set_twin("demo/a")
    rows = [
        Quarantined.objects.create(
            source=f"{site}/tasmota", site=site, hash=1, topic="tele/x/STATE", payload=b"{", qos=0, retain=False,
            received_ms=T0, reason="bad_json",
        )
        for site in ("demo", "Demo", "secret")
    ]  # fmt: skip
    client = as_role(demo="operator")
    assert [(item["id"], item["device"]) for item in client.get(URL).json()["items"]] == [(rows[0].pk, "demo/tasmota")]
    assert len(client.get(f"{URL}?device=demo/tasmota").json()["items"]) == 1
    assert client.get(f"{URL}?device=demo/a").json()["items"] == []
    assert client.get(f"{URL}/{rows[2].pk}").status_code == 404
    assert [client.delete(f"{URL}/{row.pk}").status_code for row in rows] == [204, 404, 404]


def test_a_list_has_the_beginning_of_large_ones(as_role: Callable[..., Client], db: None) -> None:
    text = "ü" + "aü" * 3000  # the 4 KiB end within a character
    entry = put("demo/a", text.encode())
    binary = put("demo/b", b"\xff" * 10_000)
    client = as_role(demo="viewer")
    shown = {item["id"]: item for item in client.get(URL).json()["items"]}
    assert shown[entry]["payload_bytes"] == len(text.encode())
    assert shown[entry]["encoding"] == "utf-8"
    assert text.startswith(shown[entry]["payload"])
    assert 4090 < len(shown[entry]["payload"].encode()) <= 4096
    assert base64.b64decode(shown[binary]["payload"]) == b"\xff" * 4096
    assert client.get(f"{URL}/{entry}").json()["payload"] == text


def test_pages(as_role: Callable[..., Client], db: None) -> None:
    entries = [put("demo/a", b"x") for _ in range(3)]
    client = as_role(demo="viewer")
    first = client.get(f"{URL}?limit=2").json()
    put("demo/a", b"newer")
    rest = client.get(f"{URL}?limit=2&cursor={first['next']}").json()
    assert [item["id"] for page in (first, rest) for item in page["items"]] == entries[::-1]
    assert rest["next"] is None


async def test_an_entry_is_replayed_and_leaves_or_stays(async_as_role: Callable[..., AsyncClient]) -> None:
    right = await sync_to_async(put)("demo/a", b'{"t": 1}')
    wrong = await sync_to_async(put)("demo/a", b"[[1]]")
    client = await sync_to_async(async_as_role)(demo="operator")
    async with FakeWorker().running():
        answer = await client.post(f"{URL}/{right}/replay")
        assert (answer.status_code, answer.json()) == (200, {"outcome": "applied", "reason": "", "detail": ""})
        assert (await client.post(f"{URL}/{right}/replay")).status_code == 404
        told = (await client.post(f"{URL}/{wrong}/replay")).json()
    ReplayedSchema.model_validate(told, strict=True)
    entry = told.pop("entry")
    assert told == {"outcome": "quarantined", "reason": "not_an_object", "detail": "element 0: telemetry is an array"}
    assert (entry["id"], entry["reason"], entry["payload"]) == (wrong, "not_an_object", "[[1]]")
    assert entry == (await client.get(f"{URL}/{wrong}")).json()
    assert (await client.get(f"{URL}/{right}")).status_code == 404


def test_who_may_replay_what(as_role: Callable[..., Client], db: None) -> None:
    visible, hidden, cut = put("demo/a", b"{}"), put("secret/a", b"{}"), put("demo/a", b"{")
    Quarantined.objects.filter(pk=cut).update(truncated=True)
    viewer, operator = as_role("viewer", demo="viewer"), as_role("operator", demo="operator")
    assert viewer.post(f"{URL}/{visible}/replay").json()["code"] == "forbidden"
    assert operator.post(f"{URL}/{hidden}/replay").json()["code"] == "not_found"
    assert operator.post(f"{URL}/{10**9}/replay").json()["code"] == "not_found"
    answer = operator.post(f"{URL}/{cut}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "not replayable" in answer.json()["detail"]
    assert not Request.objects.exists()


def test_entries_of_deleted_devices_are_gone(as_role: Callable[..., Client], db: None) -> None:
    entry = put("demo/a", b"{}")
    device = Device.objects.get()
    forget_devices({device.pk: (device.key, 1)})
    client = as_role(all="admin")
    assert client.get(URL).json()["items"] == []
    assert client.get(f"{URL}/{entry}").status_code == 404
    assert client.post(f"{URL}/{entry}/replay").status_code == 404


def test_an_entry_is_discarded_by_who_may_replay_it(as_role: Callable[..., Client], db: None) -> None:
    discarded, kept, hidden = put("demo/a", b"{"), put("demo/a", b"["), put("secret/a", b"{")
    viewer, operator = as_role("viewer", demo="viewer"), as_role("operator", demo="operator")
    assert viewer.delete(f"{URL}/{discarded}").json()["code"] == "forbidden"
    answer = operator.delete(f"{URL}/{discarded}")
    assert (answer.status_code, answer.content, answer.get("Content-Type")) == (204, b"", None)
    for absent in (discarded, hidden):
        assert operator.delete(f"{URL}/{absent}").json()["code"] == "not_found"
    assert set(Quarantined.objects.values_list("pk", flat=True)) == {kept, hidden}
