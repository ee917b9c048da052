"""The setting DIALECTS, word by word; what is wrong with it is told without quoting it."""

import pytest

from bridge.dialects.builtin import FACTORIES, NATIVE_ALONE, Enabled, built_in, parse_dialects
from bridge.dialects.dialect import Base
from bridge.dialects.native.dialect import NativeDialect


def test_names_bases_and_sites() -> None:
    text = "native, tasmota@home,zigbee2mqtt=z2m/ground@home,zigbee2mqtt=z2m/attic@home,sparkplug"
    assert parse_dialects(text) == (
        *NATIVE_ALONE,
        Enabled("tasmota", (Base("home"),)),
        Enabled("zigbee2mqtt", (Base("home", "z2m/ground"), Base("home", "z2m/attic"))),
        Enabled("sparkplug", (Base("sparkplug"),)),
    )


def test_the_order_is_that_of_the_names_first_entries() -> None:
    assert [one.name for one in parse_dialects("shelly=a,native,shelly=b")] == ["shelly", "native"]


@pytest.mark.parametrize(
    ("base", "meant"),
    [
        ("a%40b%2cc%2Cd", "a@b,c,d"),
        ("haus/%topic%/%prefix%/", "haus/%topic%/%prefix%/"),
        ("%2540", "%40"),
        ("a=b", "a=b"),
        ("Küche/x y", "Küche/x y"),
    ],
)
def test_what_a_base_may_hold(base: str, meant: str) -> None:
    assert parse_dialects(f"tasmota={base}@home") == (Enabled("tasmota", (Base("home", meant),)),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it names no dialect"),
        (" , ", "it names no dialect"),
        ("native,Tasmota", "entry 2: it is not like name"),
        ("hunter2-secret!", "entry 1: it is not like name"),
        ("tasmota@", "entry 1: a site has"),
        ("tasmota@a@b", "entry 1: a site has"),
        ("tasmota=a@b@c", "entry 1: a site has"),
        ("tasmota@ho/me", "entry 1: a site has"),
        ("tasmota@..", "entry 1: a site has"),
        ("homie=@home", "entry 1: its base is no part of a topic name: it is empty"),
        ("homie=a/+", "entry 1: its base is no part of a topic name: a topic name has no wildcards"),
        ("homie=a\0", "entry 1: its base is no part of a topic name: it contains NUL"),
        ("homie=$SYS/broker", "entry 1: its base is no part of a topic name: it begins with $"),
        ("homie=a@x,homie=a@y", "entry 2: homie stands there with the same base before"),
        ("homie,homie@y", "entry 2: homie stands there with the same base before"),
        ("native,native", "entry 2: native stands there with the same base before"),
        ("native=devices", "entry 1: native has neither base nor site"),
        ("native@home", "entry 1: native has neither base nor site"),
        (",".join(f"homie=b{number}" for number in range(101)), "more than 100 entries"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem[:12]) as caught:
        parse_dialects(text)
    assert str(caught.value).startswith(problem)
    assert "hunter2" not in str(caught.value)


def test_dialects_are_made_by_name_and_others_refused_without_a_word_of_them() -> None:
    (native,) = built_in(NATIVE_ALONE, "plant")
    assert isinstance(native, NativeDialect)
    assert native.downlinks() == ("plant/+/+/command/+/+", "plant/+/+/desired")
    with pytest.raises(ValueError, match="none of native") as caught:
        built_in(parse_dialects("hunter2"), "devices")
    assert "hunter2" not in str(caught.value)


def test_a_base_that_a_dialect_cant_work_with_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_bases: object, _root: str) -> NativeDialect:
        raise ValueError("the pattern lacks %prefix%")

    monkeypatch.setitem(FACTORIES, "tasmota", refuse)
    with pytest.raises(ValueError, match=r"^tasmota: the pattern lacks %prefix%$"):
        built_in(parse_dialects("native,tasmota=x"), "devices")
