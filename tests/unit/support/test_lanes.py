from pathlib import Path

from tests import lanes


def test_every_test_is_in_one_lane() -> None:
    paths = [path for lane in lanes.lanes() for path in lane]
    found = [file for path in paths for file in ([path] if path.is_file() else path.rglob("test_*.py"))]
    assert sorted(found) == sorted(lanes.TESTS.rglob("test_*.py"))
    assert Path(__file__) in found


def test_a_lane_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    summary = tmp_path / "lane.json"
    assert lanes.read(summary, -9) == {"counts": {"error": 1}, "failures": ["pytest ended with -9: see above"]}
    summary.write_text('{"counts": {"passed": 1}, "failures": []}')
    assert lanes.read(summary, 0) == {"counts": {"passed": 1}, "failures": []}
    assert lanes.read(summary, 3)["counts"] == {"passed": 1, "error": 1}


def test_the_report_ends_with_what_failed_and_the_counts_of_both() -> None:
    summaries = [
        {"counts": {"passed": 3, "failed": 1}, "failures": ["tests/a.py::b - because"]},
        {"counts": {"passed": 2}, "failures": []},
    ]
    *failures, last = lanes.together(summaries, 7)
    assert failures == ["FAILED tests/a.py::b - because"]
    assert last.strip("=") == " 1 failed, 5 passed in 7.00s "
