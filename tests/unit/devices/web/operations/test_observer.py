"""Who asks what works: the survey's own finding is taken while it is new."""

import asyncio
import time

import pytest

from devices.web.operations import observer
from devices.web.operations.truth import Part, Truth

SAID = Truth(*(Part("up", "as surveyed"),) * 5, fresh=True, since=1)
SEEN = Truth(*(Part("up", "as looked at"),) * 5, fresh=True, since=1)


def test_the_surveys_finding_serves_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> Truth:
        return SEEN

    async def asked() -> list[Truth]:
        found = [await observer.latest()]
        observer.publish(SAID)
        found.append(await observer.latest())
        now_s = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now_s + 2.1)
        return [*found, await observer.latest()]

    monkeypatch.setattr(observer, "observe", look)
    assert asyncio.run(asked()) == [SEEN, SAID, SEEN]
