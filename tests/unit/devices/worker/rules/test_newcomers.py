from devices.worker.rules.newcomers import ALL_SITES, BURST_S, NewcomerQuota

T0 = 1_800_000_000_000


def admitted(quota: NewcomerQuota, sites: list[str], now_ms: int) -> int:
    return sum(quota.admits(site, now_ms) for site in sites)


def test_case_h5_a_site_has_a_quota_a_second_and_some_more_at_once() -> None:
    quota = NewcomerQuota(10)
    assert admitted(quota, ["a"] * 6_000, T0) == 10 * BURST_S
    assert admitted(quota, ["a"] * 100, T0 + 1_000) == 10
    assert admitted(quota, ["b"] * 100, T0 + 1_000) == 100, "another site has its own"
    assert admitted(quota, ["a"] * 6_000, T0 + 3_600_000) == 10 * BURST_S


def test_case_h5_made_up_sites_share_a_quota() -> None:
    quota = NewcomerQuota(10)
    assert admitted(quota, [f"s{number}" for number in range(30_000)], T0) == ALL_SITES * 10 * BURST_S


def test_a_clock_that_is_set_back_admits_no_more() -> None:
    quota = NewcomerQuota(10)
    admitted(quota, ["a"] * 6_000, T0)
    assert admitted(quota, ["a"] * 10, T0 - 60_000) == 0
