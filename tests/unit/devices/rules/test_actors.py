"""Who asks, as text."""

import pytest

from devices.rules.actors import MAX_ACTOR_CHARS, Actor


def test_its_text_is_its_kind_and_its_name() -> None:
    assert str(Actor("token", "vera/0f1e2d3c", 7)) == "token:vera/0f1e2d3c"
    assert str(Actor("system", "provision_device")) == "system:provision_device"


def test_the_longest_user_name_fits() -> None:
    assert len(str(Actor("token", f"{'v' * 150}/0f1e2d3c"))) <= MAX_ACTOR_CHARS


@pytest.mark.parametrize("name", ["", "v" * MAX_ACTOR_CHARS])
def test_a_name_that_cannot_be_stored_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        Actor("app", name)
