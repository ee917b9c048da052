import pytest
from pytest_django import Settings

from runtime.http.origins import is_foreign


def foreign(origin: str | None, host: str = "dash.example.com", *, secure: bool = False) -> bool:
    headers = [(b"host", host.encode())]
    return is_foreign(headers if origin is None else [*headers, (b"origin", origin.encode())], secure=secure)


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["dash.example.com", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://console.example.org", "https://*.partners.example.net"]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "dash.example.com"),
        (None, "whatever"),
        ("https://dash.example.com", "dash.example.com"),
        ("http://dash.example.com", "dash.example.com"),
        ("https://DASH.example.com", "dash.example.com"),
        ("http://dash.example.com:8000", "dash.example.com:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://console.example.org", "dash.example.com"),
        ("https://a.partners.example.net", "dash.example.com"),
    ],
)
def test_our_own_pages_trusted_ones_and_programs_may_come_in(origin: str | None, host: str) -> None:
    assert not foreign(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "dash.example.com"),
        ("http://dash.example.com:3000", "dash.example.com"),
        ("https://dash.example.com.evil.example", "dash.example.com"),
        ("null", "dash.example.com"),
        ("", "dash.example.com"),
        ("file://", "dash.example.com"),
        ("https://", ""),
        ("http://[", "dash.example.com"),
        ("http://evil.example", "evil.example"),  # a name of theirs that points to us
        ("http://console.example.org", "dash.example.com"),  # trusted with https only
        ("https://partners.example.net.evil.example", "dash.example.com"),
    ],
)
def test_other_pages_may_not(origin: str, host: str) -> None:
    assert foreign(origin, host)


def test_while_debugging_without_hosts_the_loopback_is_ours(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.DEBUG = [], True
    assert not foreign("http://127.0.0.1:8000", "127.0.0.1:8000")
    assert foreign("http://dash.example.com", "dash.example.com")


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("https://dash.example.com", "dash.example.com:443", True),
        ("https://dash.example.com:443", "dash.example.com", True),
        ("http://dash.example.com", "dash.example.com:80", True),
        ("http://[::1]", "[::1]:80", True),
        ("http://dash.example.com", "dash.example.com:443", False),
        ("https://dash.example.com", "dash.example.com:80", False),
        ("https://dash.example.com", "dash.example.com:8443", False),
    ],
)
def test_case_g2_a_schemes_default_port_may_stand_or_not(origin: str, host: str, ours: bool) -> None:
    assert foreign(origin, host) is not ours


def test_case_g2_what_came_by_https_takes_no_page_of_http() -> None:
    assert foreign("http://dash.example.com", secure=True)
    assert not foreign("https://dash.example.com", secure=True)
