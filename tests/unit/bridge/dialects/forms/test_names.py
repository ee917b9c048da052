"""Keys from foreign names: always valid, always the same, never one for two."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.forms.names import key_part, key_part_of
from bridge.names import is_device_key


def test_a_plain_name_stays_and_others_keep_what_can_be_read() -> None:
    assert key_part("motor_3") == "motor_3"
    assert key_part("motor 3").startswith("motor-3.")
    assert key_part("Steckdose Küche") != key_part("Steckdose K?che")
    assert key_part_of("plant1", "line2") == "plant1.line2"


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_names_give_a_key(source: str, child: str) -> None:
    assert is_device_key(f"home/{key_part(source)}~{key_part(child)}")
    assert len(f"{key_part(source)}~{key_part(child)}") <= 97


@given(*[st.text(alphabet="ab.ü", max_size=6)] * 4)
def test_pairs_keep_apart(one: str, in_one: str, other: str, in_other: str) -> None:
    same = (one, in_one) == (other, in_other)
    assert (key_part_of(one, in_one) == key_part_of(other, in_other)) is same
