"""Quarantine over HTTP."""

import base64
from collections.abc import Callable
from typing import Any

from django.test import Client

from devices.models import Quarantined
from devices.web.api.schemas import Quarantined as QuarantinedSchema
from tests.support.fake_worker import set_twin

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
