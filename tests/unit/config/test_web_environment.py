"""The web part of the environment: what would answer nobody is refused, by name and without its value."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import web_environment as web
from runtime.http.proxies import Trusted, trusted
from tests.support.servers.processes import manage, run_command

READERS: dict[str, Callable[[], object]] = {
    "ALLOWED_HOSTS": lambda: web.allowed_hosts("ALLOWED_HOSTS", ""),
    "CSRF_TRUSTED_ORIGINS": lambda: web.origins("CSRF_TRUSTED_ORIGINS"),
    "ALLOWED_ORIGINS": lambda: web.exact_origins("ALLOWED_ORIGINS"),
    "PATH_PREFIX": lambda: web.path_prefix("PATH_PREFIX"),
    "TRUSTED_PROXIES": lambda: web.trusted_proxies("TRUSTED_PROXIES"),
    "METRICS_ALLOWED": lambda: web.allowed_networks("METRICS_ALLOWED", ""),
}


def read(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> object:
    monkeypatch.setenv(variable, value)
    return READERS[variable]()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALLOWED_HOSTS", "https://inside.example"),
        ("ALLOWED_HOSTS", "inside.example:8443"),
        ("ALLOWED_HOSTS", "good.example,inside.example/"),
        ("ALLOWED_HOSTS", "::1"),
        ("CSRF_TRUSTED_ORIGINS", "https://inside.example/"),
        ("CSRF_TRUSTED_ORIGINS", "https://inside.example/path"),
        ("CSRF_TRUSTED_ORIGINS", "https://inside.example?q"),
        ("CSRF_TRUSTED_ORIGINS", "inside.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://user@inside.example"),
        ("CSRF_TRUSTED_ORIGINS", "https://inside.example:port"),
        ("CSRF_TRUSTED_ORIGINS", "https://"),
        ("ALLOWED_ORIGINS", "https://inside.example/"),
        ("ALLOWED_ORIGINS", "https://*.inside.example"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "inside.example"),
        ("TRUSTED_PROXIES", "proxy.inside.example"),
        ("METRICS_ALLOWED", "10.0.0.1/8"),
        ("PATH_PREFIX", "inside"),
        ("PATH_PREFIX", "/in side"),
        ("PATH_PREFIX", "/../inside"),
        ("PATH_PREFIX", "//inside"),
    ],
)
def test_case_g3_what_matches_nothing_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}: write ") as refused:
        read(monkeypatch, variable, value)
    assert "inside" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALLOWED_HOSTS", "dash.example.com,.example.org,*,[::1],10.0.0.1,under_score,localhost"),
        (
            "CSRF_TRUSTED_ORIGINS",
            "https://dash.example.com,https://*.example.org,http://h:8080,http://[::1]:8000,http://[::1]",
        ),
    ],
)
def test_case_g3_what_django_understands_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    assert read(monkeypatch, variable, value) == value.split(",")


def test_origins_of_others_stand_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given = "https://Dash.example.org:443, http://h:80,http://h:8080,http://[::1]"
    expected = ["https://dash.example.org", "http://h", "http://h:8080", "http://[::1]"]
    assert read(monkeypatch, "ALLOWED_ORIGINS", given) == expected


def test_a_prefix_needs_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, "PATH_PREFIX", "/a/b-1/") == "/a/b-1"
    assert read(monkeypatch, "PATH_PREFIX", "/") == ""


def test_tls_outside_needs_a_trusted_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEHIND_TLS_PROXY", "true")
    with pytest.raises(ImproperlyConfigured, match=r"^BEHIND_TLS_PROXY: set TRUSTED_PROXIES"):
        web.behind_tls_proxy("BEHIND_TLS_PROXY", Trusted())
    assert web.behind_tls_proxy("BEHIND_TLS_PROXY", trusted("10.0.0.1"))


def test_case_g9_djangos_own_check_of_a_deployment_finds_nothing(tmp_path: Path) -> None:
    settings = {
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "DATABASE_URL": f"sqlite:///{tmp_path}/causeway.sqlite3",
        "CAUSEWAY_SINGLE_PROCESS": "true",
        "TRUSTED_PROXIES": "10.0.0.1",
        "BEHIND_TLS_PROXY": "true",
    }
    done = run_command(manage("check", "--deploy", "--fail-level", "WARNING"), settings)
    assert "no issues" in done.stdout
