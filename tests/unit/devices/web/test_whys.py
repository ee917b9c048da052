"""Whatever may be known of a presence is said in words, on the pages and in the protocol's description."""

from pathlib import Path
from typing import get_args

import pytest

from devices.rules.twin import Why

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("why", get_args(Why))
def test_every_why_has_its_words(why: str) -> None:
    assert f"\n  {why}: " in (ROOT / "devices/web/frontend/src/lib/format.js").read_text()
    assert f"\n| `{why}` |" in (ROOT / "docs/websocket.md").read_text()
