from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.management.commands import run_devices
from devices.models import Installation


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, settings: Any, db: None) -> list[list[int]]:
    """The shards that it would have been pinned to."""
    settings.REDIS_URL = "redis://127.0.0.1"
    shards: list[list[int]] = []

    async def main(wanted: Any) -> None:
        shards.append(list(wanted))

    monkeypatch.setattr(run_devices, "_main", main)
    return shards


@pytest.mark.parametrize(
    ("arguments", "shards"), [([], []), (["--shards", "1-2"], [1, 2]), (["--shards", "3,0"], [0, 3])]
)
def test_runs_the_shards_it_is_told_to(ran: list[list[int]], arguments: list[str], shards: list[int]) -> None:
    call_command("run_devices", *arguments)
    assert ran == [shards]


def test_a_list_that_is_too_long_for_its_row_is_refused(ran: list[list[int]], settings: Any) -> None:
    settings.DEVICES = replace(settings.DEVICES, shards=256)
    Installation.objects.update(shards=256)
    with pytest.raises(CommandError, match="--shards: the list has too many parts"):
        call_command("run_devices", "--shards", ",".join(map(str, range(0, 256, 2))))
    assert ran == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0-9", "--shards: there is no shard 9: BRIDGE_SHARDS is 4, so they are 0-3"),
        ("x", "--shards: 'x' is no list of shards like 0-3 or 0,2"),
        ("", "--shards: '' is no list of shards like 0-3 or 0,2"),
    ],
)
def test_a_bad_list_is_refused_in_a_line(ran: list[list[int]], text: str, line: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("run_devices", "--shards", text)
    assert str(refused.value) == line
    assert ran == []


def test_several_processes_need_a_layer_between_them(ran: list[list[int]], settings: Any) -> None:
    settings.REDIS_URL = ""
    with pytest.raises(CommandError, match=r"\AREDIS_URL: it is empty"):
        call_command("run_devices")


def test_another_number_of_shards_is_refused(ran: list[list[int]]) -> None:
    Installation.objects.update(shards=8)
    with pytest.raises(CommandError, match=r"\ABRIDGE_SHARDS: 4 here, but the database was set up with 8"):
        call_command("run_devices")
