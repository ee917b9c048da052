"""Who asks: only trusted proxies' headers count, and whoever sends one is not taken for a local client."""

import pytest

from runtime.http.proxies import Origin, Trusted, is_in, networks, origin_of, trusted

PROXIES = trusted("10.0.0.0/8, 2001:db8::/32")


def seen(peer: str, proxies: Trusted = PROXIES, /, **headers: str) -> Origin:
    pairs = [(name.replace("_", "-").lower().encode(), value.encode("latin1")) for name, value in headers.items()]
    return origin_of(peer, pairs, proxies)


def test_without_headers_the_peer_asks() -> None:
    assert seen("192.0.2.1") == Origin("192.0.2.1")
    assert seen("10.0.0.1") == Origin("10.0.0.1")


@pytest.mark.parametrize(
    "header", ["X_Forwarded_For", "Forwarded", "X_Forwarded_Proto", "X_Real_IP", "X_Forwarded_Host"]
)
def test_a_strangers_headers_are_ignored_and_make_him_not_local(header: str) -> None:
    assert seen("127.0.0.1", PROXIES, **{header: "127.0.0.1"}) == Origin("127.0.0.1", certain=False)


def test_the_last_hop_that_is_no_proxy_is_the_client() -> None:
    assert seen("10.0.0.1", X_Forwarded_For="127.0.0.1, 192.0.2.7, 10.0.0.9").address == "192.0.2.7"
    assert seen("10.0.0.1", X_Forwarded_For="10.0.0.8, 10.0.0.9").address == "10.0.0.8"


def test_addresses_with_ports_brackets_and_quotes() -> None:
    assert seen("10.0.0.1", X_Forwarded_For="192.0.2.7:4711").address == "192.0.2.7"
    assert seen("10.0.0.1", X_Forwarded_For="[2001:db9::1]:80").address == "2001:db9::1"
    assert seen("10.0.0.1", X_Forwarded_For="::ffff:192.0.2.7").address == "192.0.2.7"
    origin = seen("10.0.0.1", Forwarded='for="[2001:db9::1]:80";proto=https;host=h.example')
    assert origin == Origin("2001:db9::1", scheme="https", host="h.example")


@pytest.mark.parametrize("text", ["unknown", "_hidden", "127.0.0.1.evil", "x"])
def test_what_is_no_address_leaves_the_client_unknown(text: str) -> None:
    origin = seen("10.0.0.1", X_Forwarded_For=f"127.0.0.1, {text}")
    assert (origin.address, origin.certain) == ("10.0.0.1", False)


def test_headers_that_count_differently_are_not_certain() -> None:
    assert seen("10.0.0.1", X_Forwarded_For="192.0.2.7", Forwarded="for=127.0.0.1, for=1.2.3.4").certain is False


def test_scheme_and_host_belong_to_the_same_hop() -> None:
    origin = seen(
        "10.0.0.1",
        X_Forwarded_For="192.0.2.7, 10.0.0.2",
        X_Forwarded_Proto="https, http",
        X_Forwarded_Host="outside.example, inside",
    )
    assert (origin.scheme, origin.host) == ("https", "outside.example")
    assert seen("10.0.0.1", X_Forwarded_For="1.2.3.4, 192.0.2.7", X_Forwarded_Proto="https").scheme == "https"
    assert seen("10.0.0.1", X_Forwarded_Proto="gopher").scheme == ""


def test_a_port_that_the_proxy_names_goes_to_the_host_unless_it_is_the_schemes_own() -> None:
    said = {"X_Forwarded_Host": "h", "X_Forwarded_Proto": "https"}
    assert seen("10.0.0.1", PROXIES, **said, X_Forwarded_Port="8443").host == "h:8443"
    assert seen("10.0.0.1", PROXIES, **said, X_Forwarded_Port="443").host == "h"


def test_a_unix_socket_is_trusted_by_its_name() -> None:
    assert seen("", trusted("unix"), X_Forwarded_For="192.0.2.7").address == "192.0.2.7"
    assert seen("", PROXIES, X_Forwarded_For="192.0.2.7") == Origin("", certain=False)


def test_networks_are_read_strictly() -> None:
    assert is_in("127.8.9.1", networks("127.0.0.0/8,::1"))
    assert is_in("::1", networks("127.0.0.0/8,::1"))
    assert not is_in("no address", networks("0.0.0.0/0"))
    for wrong in ("10.0.0.1/8", "localhost", "10.0.0", "unix"):
        with pytest.raises(ValueError, match=r"10\.0\.0\.0/8"):
            networks(wrong)
