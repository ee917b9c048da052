"""What happens in the field, once each under load: failovers, full disks, thieves, messages that are too large.

``make faults FAULTS=long`` does all of it, and leaves disks full and databases locked for a minute; ``make test``
does what no other test shows with whole processes.
"""

import pytest

from tests.faults.conftest import Round
from tests.faults.faults import FIELD, possible
from tests.support.thorough import LONG

DATABASE = "postgres"
SHORT = ["sentinel", "switch-postgres", "full-disk", "clock-jump", "thief"]
pytestmark = pytest.mark.timeout(400)  # a round that fails waits until it is sure


@pytest.mark.parametrize("fault", possible(FIELD, DATABASE) if LONG else SHORT)
def test_case_f2_f6_j2_e1_h1_under_load(round_with: Round, fault: str) -> None:
    round_with(fault)


def test_case_j4_a_redis_whose_disk_is_full_refuses_writes_by_misconf(round_with: Round) -> None:
    """Named within 5 s with Redis's own sentence, whole within 5 s of its next snapshot, and nothing is lost."""
    round_with("full-redis-disk")
