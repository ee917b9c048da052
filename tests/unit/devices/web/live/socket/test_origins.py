import pytest
from pytest_django import Settings

from devices.web.live.socket.origins import is_foreign


def foreign(origin: str | None, host: str = "dash.example.com") -> bool:
    headers = [(b"host", host.encode())]
    return is_foreign(headers if origin is None else [*headers, (b"origin", origin.encode())])


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
