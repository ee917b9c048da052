"""Tables of rounds, and how they get into the documentation."""

from dataclasses import asdict

import pytest

from tests.faults.document import BEGIN, END, put
from tests.faults.report import summary, tables
from tests.faults.rounds import Result
from tests.faults.verdict import Findings


def one(fault: str, recovery_s: float | None, **found: int) -> dict[str, object]:
    result = Result(1, "s", fault, [], 3000, 5.0, recovery_s, 7.0, Findings(**found))  # type: ignore[arg-type]
    return {"database": "postgres", **asdict(result)}


def test_a_row_for_each_fault_and_one_for_all() -> None:
    text = tables([one("kill-web", 1.0), one("kill-web", 3.0, lost=2), one("kill-gateway", None, repeated=1)])
    assert text.splitlines()[2:] == [
        "| SIGKILL of the gateway | PostgreSQL | 1 | 3,000 | 0 | 1 | 0 | 0 |  (1 never) |",
        "| SIGKILL of the web process | PostgreSQL | 2 | 6,000 | 2 | 0 | 0 | 0 | 2.0 s, 3.0 s |",
        "| **all** |  | 3 | 9,000 | 2 | 1 | 0 | 0 | 2.0 s, 3.0 s (1 never) |",
    ]


def test_what_the_broker_forgot_has_a_table_of_its_own() -> None:
    text = tables([one("kill-mosquitto", 1.0, forgotten=5, redelivered=3)])
    assert text.splitlines()[-1] == "| SIGKILL of Mosquitto | 1 | 5, 5 | 3 |"


def test_the_summary_says_how_much_was_sent() -> None:
    assert "2 rounds (seed s) under 600 QoS 1 messages/s" in summary([one("kill-web", 1.0), one("kill-web", 1.0)])


def test_the_text_between_the_markers_is_replaced() -> None:
    page = f"before\n{BEGIN}old\n{END}after\n"
    assert put(page, "new") == f"before\n{BEGIN}\nnew\n{END}after\n"
    assert put(put(page, "new"), "newer") == put(page, "newer")
    with pytest.raises(ValueError, match="marker"):
        put("no markers", "new")
