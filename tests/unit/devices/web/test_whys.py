"""Whatever may be known of a presence is said in words, on the pages and in the protocol's description."""

from pathlib import Path
from typing import get_args

import pytest

from devices.rules.twin import Why

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("why", get_args(Why))
def test_every_why_has_its_words(why: str) -> None:
    for language in ("en", "de"):
        assert f'\n  "why.{why}": ' in (ROOT / f"devices/web/frontend/src/words/{language}.js").read_text()
    assert f"\n| `{why}` |" in (ROOT / "docs/websocket.md").read_text()
