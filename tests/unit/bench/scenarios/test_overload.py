"""How flat memory was: from its middle after the warm-up, up or down."""

from bench.scenarios.overload import OURS_ROLES, flatness


def test_the_most_that_it_went_from_its_middle_counts_either_way() -> None:
    seen = [
        (float(at), {"gateway": 100.0, "workers": mib, "web": 50.0})
        for at, mib in enumerate([10, 50, 99, 100, 95, 100, 101])
    ]
    told = flatness(seen, took_s=8)
    assert (told["workers_mib"], told["workers_drift_percent"]) == (100.0, 5.0)
    assert told["gateway_drift_percent"] == 0.0


def test_a_short_run_has_a_short_warm_up() -> None:
    seen = [(0.5, dict.fromkeys(OURS_ROLES, 1.0)), (1.5, dict.fromkeys(OURS_ROLES, 2.0))]
    assert flatness(seen, took_s=4)["web_mib"] == 2.0
