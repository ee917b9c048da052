"""The registry: every scenario's names fit together, and what is asked for is what is run."""

import pytest

from bench.scenarios import scenarios

ALL = scenarios()


def test_names_are_unique() -> None:
    names = [one.name for one in ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scenario", ALL, ids=lambda one: one.name)
def test_what_limits_and_ratios_are_about_is_measured(scenario: object) -> None:
    one = next(known for known in ALL if known is scenario)
    measured = {candidate.name for candidate in one.on}
    assert len(measured) == len(one.on)
    assert {*one.compared_with, *one.compared_with.values()} <= measured
    for limit in one.limits:
        where = next(known for known in ALL if known.name == limit.scenario) if limit.scenario else one
        assert limit.whose in measured
        assert limit.of in {candidate.name for candidate in where.on}


def test_one_by_name_or_all_that_are_alike() -> None:
    assert [one.name for one in scenarios(("uplink",))] == ["uplink"]
    found = [one.name for one in scenarios(("latency",))]
    assert found == [one.name for one in ALL if one.name.startswith("latency/")]
    assert len(found) > 1


def test_an_unknown_name_is_told_with_those_that_there_are() -> None:
    with pytest.raises(KeyError, match=r"no scenario 'uplnk'; there are: .*uplink"):
        scenarios(("uplnk",))


def test_the_quick_run_leaves_out_what_is_for_the_full_one() -> None:
    assert {one.name for one in scenarios(full=False)} == {one.name for one in ALL if not one.full_only}
