"""What a broker has to allow for dialects, as Mosquitto's ACL file says it."""

import pytest

from bridge.dialects.builtin import built_in, parse_dialects, with_controls
from devices.requests.broker_rights import compose_acl, device_lines, gateway_lines, login_lines

SPOKEN = parse_dialects("native,homie@home,homie=attic@top")


def test_the_gateway_reads_what_devices_write_and_the_other_way_round() -> None:
    dialects = built_in(SPOKEN, "devices")
    ours, theirs = gateway_lines(dialects), device_lines(dialects)
    assert ours[:3] == [
        "topic read devices/#",
        "topic write devices/+/+/command/+/+",
        "topic write devices/+/+/desired",
    ]
    assert "topic read attic/#" in ours
    assert "topic write homie/+/+/+/set" in ours
    swap = {"read": "write", "write": "read"}
    assert [f"topic {swap[line.split()[1]]} {line.split(' ', 2)[2]}" for line in ours] == theirs


def test_a_login_has_its_sites_bases_of_its_dialect_and_none_of_causeways_own_topics() -> None:
    lines = login_lines(SPOKEN, "homie", "top", "devices")
    assert lines[0] == "topic deny devices/#"
    assert "topic write attic/#" in lines
    assert "topic read attic/+/+/+/set" in lines
    assert not [line for line in lines if "homie" in line]


@pytest.mark.parametrize(
    ("name", "site", "problem"),
    [("homie", "nowhere", "no homie at the site"), ("tasmota", "home", "no tasmota"), ("native", "home", "--dialect")],
)
def test_a_login_for_what_is_not_spoken_is_refused(name: str, site: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        login_lines(SPOKEN, name, site, "devices")


def test_compose_gets_lines_for_the_gateway_and_for_a_house_with_one_login() -> None:
    assert compose_acl(parse_dialects("native"), "devices") == ""
    gateway, _, fleet = compose_acl(SPOKEN, "devices").partition("\nuser fleet\n")
    assert gateway.startswith("user gateway\ntopic read homie/#\n")
    assert "topic read homie/+/+/+/set\n" in fleet
    exported = compose_acl(with_controls(parse_dialects("native"), "ha"), "devices")
    assert exported.splitlines() == [
        "user gateway",
        "topic read causeway/homeassistant/+/+/set/+",
        "topic read causeway/homeassistant/+/+/do/+",
        "topic write ha/device/+/config",
        "topic write causeway/homeassistant/+/+/presence",
    ]
    assert "devices/" not in gateway + fleet, "those stand in mosquitto/acl"
