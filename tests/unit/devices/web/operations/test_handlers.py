"""Handlers over REST and by command: who may, what is told, what is done."""

import io
import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from devices.models import Handler, HandlerCursor, HandlerDevice, HandlerItem, ShardState

PATH = "/api/v1/handlers"
NAME = "plants.water"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _handler(db: None) -> None:
    handler = Handler.objects.create(name=NAME, version=2, since_ms=1_000, kind="Reading", on_failure="park")
    for shard, commit in ((0, 10), (1, 5)):
        ShardState.objects.update_or_create({"commit": commit}, shard=shard)
    HandlerCursor.objects.create(
        handler=handler, shard=0, commit=7, handled=30, failures=2, failed_ms=5_000, why="KeyError: 'x'", owner="me"
    )
    HandlerCursor.objects.create(handler=handler, shard=1, commit=5, handled=1)
    HandlerDevice.objects.create(handler=handler, device="hall/a", parked_ms=4_000, state={"n": 1})
    HandlerItem.objects.create(handler=handler, device="hall/a", kind="Reading", item={}, at_ms=1)
    HandlerItem.objects.create(handler=handler, device="hall/b", kind="Reading", item={}, at_ms=1, dead=True)


def test_the_list_tells_how_each_is_doing(as_role: Callable[..., Client]) -> None:
    answer = as_role(all="admin").get(PATH)
    assert answer.status_code == 200
    assert answer.json() == {
        "items": [
            {
                "name": NAME, "version": 2, "kind": "Reading", "state": "running",
                "since_at": "1970-01-01T00:00:01.000Z",
                "processes": 0, "lag": 3, "handled": 31, "failures": 2, "failed_at": "1970-01-01T00:00:05.000Z",
                "why": "KeyError: 'x'", "parked": 1, "waiting": 1, "left_out": 0, "dead_letters": 1,
                "tasks": 0, "dead_tasks": 0,
            }
        ],
        "next": None,
    }  # fmt: skip


def test_it_is_for_admins_of_all_sites(as_role: Callable[..., Client]) -> None:
    for roles in ({"demo": "admin"}, {"all": "operator"}):
        client = as_role(**roles)
        assert client.get(PATH).status_code == 403
        assert client.get(f"{PATH}/{NAME}/parked").status_code == 403
        assert client.post(f"{PATH}/{NAME}/pause").status_code == 403
    assert Handler.objects.get().state == "running"


def test_the_verbs_do_what_they_say(as_role: Callable[..., Client]) -> None:
    client = as_role(all="admin")
    assert client.post(f"{PATH}/{NAME}/pause").json()["state"] == "paused"
    assert client.post(f"{PATH}/{NAME}/resume").json()["state"] == "running"
    replayed = client.post(f"{PATH}/{NAME}/replay").json()
    assert (replayed["dead_letters"], replayed["waiting"], replayed["parked"]) == (0, 2, 2)
    rebuilt = client.post(f"{PATH}/{NAME}/rebuild").json()
    assert (rebuilt["waiting"], rebuilt["parked"], rebuilt["handled"]) == (0, 0, 0)
    assert set(HandlerCursor.objects.values_list("begin", "owner", "generation")) == {("beginning", "", 1)}


@pytest.mark.parametrize("verb", ["pause", "resume", "rebuild", "replay"])
def test_one_that_there_is_not_is_not_found(as_role: Callable[..., Client], verb: str) -> None:
    assert as_role(all="admin").post(f"{PATH}/other/{verb}").status_code == 404
    with pytest.raises(CommandError, match="there is no handler other"):
        call_command("handlers", verb, "other")


def test_the_command_lists_and_does_the_same() -> None:
    out = io.StringIO()
    call_command("handlers", "pause", NAME, stdout=out)
    call_command("handlers", "--json", stdout=out)
    table, told = out.getvalue().rsplit("\n", 2)[0], json.loads(out.getvalue().splitlines()[-1])
    assert table.splitlines()[1].split()[:3] == [NAME, "2", "paused"]
    assert f"{NAME} failed last at 1970-01-01T00:00:05Z: KeyError: 'x'" in table
    assert (told["lag"], told["parked"], told["state"]) == (3, 1, "paused")
    with pytest.raises(CommandError, match="which handler"):
        call_command("handlers", "pause")


def test_parked_devices_are_listed_by_key_a_page_at_a_time(as_role: Callable[..., Client]) -> None:
    row = {
        "parked_ms": 4_000,
        "retry_ms": 9_000,
        "attempts": 3,
        "why": "KeyError: 'x'",
        "left_out": 7,
        "left_out_ms": 1,
    }
    for key in ("hall/c", "hall/b"):
        HandlerDevice.objects.create(handler_id=NAME, device=key, **row)
    HandlerDevice.objects.create(handler_id=NAME, device="hall/free", state={"n": 1})
    client = as_role(all="admin")
    first = client.get(f"{PATH}/{NAME}/parked", {"limit": 2}).json()
    second = client.get(f"{PATH}/{NAME}/parked", {"limit": 2, "cursor": first["next"]}).json()
    assert [one["device"] for one in first["items"] + second["items"]] == ["hall/a", "hall/b", "hall/c"]
    assert second == {
        "items": [
            {
                "device": "hall/c", "since_at": "1970-01-01T00:00:04.000Z", "retry_at": "1970-01-01T00:00:09.000Z",
                "attempts": 3, "why": "KeyError: 'x'", "left_out": 7, "left_out_since_at": "1970-01-01T00:00:00.001Z",
            }
        ],
        "next": None,
    }  # fmt: skip
    assert client.get(f"{PATH}/other/parked").status_code == 404
