from pathlib import Path
from typing import Any

import pytest

from tests import lanes


def test_every_test_is_in_one_lane() -> None:
    paths = [path for lane in lanes.lanes() for path in lane]
    found = [file for path in paths for file in ([path] if path.is_file() else path.rglob("test_*.py"))]
    assert sorted(found) == sorted(lanes.TESTS.rglob("test_*.py"))
    assert Path(__file__) in found


def _lane(passed: int, **failures: str) -> dict[str, Any]:
    return {"passed": passed, "skipped": 0, "failures": failures, "unsteady": {}}


def test_a_lane_that_breaks_off_has_failed(tmp_path: Path) -> None:
    summary = tmp_path / "lane.json"
    assert lanes.read(summary, -9) == _lane(0, pytest="it ended with -9: see above")
    summary.write_text('{"passed": 1, "skipped": 0, "failures": {}}')
    assert lanes.read(summary, 0) == _lane(1)
    assert lanes.read(summary, 3) == _lane(1, pytest="it ended with 3: see above")


def test_the_report_ends_with_what_failed_and_the_counts_of_all() -> None:
    *failures, last = lanes.together([_lane(3, a="because"), _lane(2)], 7)
    assert failures == ["FAILED a - because"]
    assert last.strip("=") == " 1 failed, 5 passed in 7.00s "


def test_what_fails_beside_others_and_passes_alone_is_named_unsteady() -> None:
    summaries = [_lane(3, a="because", b="so"), _lane(2, c="late")]
    tried: list[list[str]] = []

    def once_more(tests: list[str]) -> dict[str, Any]:
        tried.append(tests)
        return _lane(2, b="so again")

    lanes.alone(summaries, once_more)
    assert tried == [["a", "b", "c"]]
    *said, last = lanes.together(summaries, 7)
    assert said == ["UNSTEADY a - because", "UNSTEADY c - late", "FAILED b - so"]
    assert last.strip("=") == " 1 failed, 5 passed, 2 unsteady in 7.00s "


@pytest.mark.parametrize("failures", [{}, {"pytest": "it ended with -9"}, dict.fromkeys("abcd", "because")])
def test_none_or_many_failures_are_not_tried_again(failures: dict[str, str]) -> None:
    summaries = [_lane(3, **failures)]
    lanes.alone(summaries, lambda _tests: pytest.fail("tried"))
    assert summaries == [_lane(3, **failures)]


def test_what_breaks_off_alone_has_failed() -> None:
    summaries = [_lane(3, a="because")]
    lanes.alone(summaries, lambda _tests: _lane(0, pytest="it ended with -9"))
    assert summaries == [_lane(3, a="because")]
