"""Stand-in images are made where they must and can be, and what was started for them ends, or says that it doesn't."""

from pathlib import Path

import pytest

from tests.support.servers import standins
from tests.support.servers.standins import StandinsError, building, needed


@pytest.mark.parametrize(
    ("debian_root", "named", "daemon", "trouble", "expected"),
    [
        (True, False, False, "no daemon", True),
        (True, False, True, "no registry", True),
        (True, False, True, None, False),
        (True, True, False, "no daemon", False),
        (False, False, True, "no registry", False),
        (False, False, False, "no daemon", False),
    ],
)
def test_when_they_are_needed(
    monkeypatch: pytest.MonkeyPatch, debian_root: bool, named: bool, daemon: bool, trouble: str | None, expected: bool
) -> None:
    monkeypatch.setattr(standins, "is_debian_root", lambda: debian_root)
    monkeypatch.setattr(standins, "images_are_named", lambda: named)
    monkeypatch.setattr(standins, "daemon_answers", lambda: daemon)
    monkeypatch.setattr(standins, "why_no_official_image", lambda: trouble)
    assert needed() == expected


def test_a_daemon_that_does_not_stop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "standins"
    script.write_text('#!/bin/sh\n[ "$1" = start ] || { echo it stays >&2; exit 1; }\necho export REDIS_IMAGE=made\n')
    script.chmod(0o755)
    monkeypatch.setattr(standins, "_SCRIPT", str(script))
    monkeypatch.setattr(standins, "needed", lambda: True)
    made: dict[str, str] = {}
    with pytest.raises(StandinsError, match="it stays"), building() as ready:
        made = ready()
    assert made == {"REDIS_IMAGE": "made"}
