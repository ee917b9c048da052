"""Handlers under load, with faults: each reading's effect once and in order, each command once, each call made.

``make faults FAULTS=handlers ROUNDS=100`` does as many rounds as you like; ``make test`` the two that show most.
"""

import pytest

from tests.faults.conftest import Round
from tests.faults.faults import SETS, possible
from tests.support.thorough import LONG

DATABASE = "postgres"
SHORT = ["handlers-several", "handlers-raise"]
pytestmark = pytest.mark.timeout(600)  # a call that failed is made again after pauses


@pytest.mark.parametrize("fault", possible(SETS["handlers"], DATABASE) if LONG else SHORT)
def test_each_takes_effect_once_and_in_order_whatever_happens(round_with: Round, fault: str) -> None:
    round_with(fault)
