"""The table of what roles may do."""

from itertools import pairwise

import pytest

from devices.models import Role
from devices.rules.capabilities import CAPABILITIES, ROLES, capabilities_of, strongest, weakest_with


def test_the_table_is_of_the_roles_that_there_are() -> None:
    assert list(ROLES) == Role.values


def test_each_role_has_all_of_the_weaker_ones_and_more() -> None:
    for weaker, stronger in pairwise(ROLES.values()):
        assert weaker < stronger
    assert ROLES["admin"] == CAPABILITIES


def test_an_unknown_role_may_nothing() -> None:
    assert capabilities_of("gardener") == frozenset()


@pytest.mark.parametrize(
    ("held", "role"),
    [([], None), (["viewer"], "viewer"), (["admin", "viewer"], "admin"), (["viewer", "operator"], "operator")],
)
def test_the_strongest_of_several(held: list[str], role: str | None) -> None:
    assert strongest(held) == role


def test_the_weakest_role_that_is_enough() -> None:
    assert weakest_with("devices.read") == "viewer"
    assert weakest_with("quarantine.replay") == "operator"
    assert weakest_with("devices.manage") == "admin"
