"""Django's deployment check, asked by class: what it says is true, and nothing of it is skipped."""

from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from pytest_django.fixtures import Settings

from config.security_checks import has_djangos_middleware, sends_what_protects

OURS = "runtime.http.async_middleware."


def test_case_g9_a_middleware_that_lacks_is_named_and_a_subclass_of_djangos_is_enough(settings: Settings) -> None:
    assert has_djangos_middleware() == []
    whole = list(settings.MIDDLEWARE)
    for name in ("SecurityMiddleware", "XFrameOptionsMiddleware", "CsrfViewMiddleware"):
        settings.MIDDLEWARE = [path for path in whole if path != OURS + name]
        (found,) = has_djangos_middleware()
        assert name in found.msg
    settings.MIDDLEWARE = [DJANGOS.get(path, path) for path in whole]
    assert has_djangos_middleware() == []


DJANGOS = {
    f"{OURS}SecurityMiddleware": "django.middleware.security.SecurityMiddleware",
    f"{OURS}XFrameOptionsMiddleware": "django.middleware.clickjacking.XFrameOptionsMiddleware",
    f"{OURS}CsrfViewMiddleware": "django.middleware.csrf.CsrfViewMiddleware",
}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECURE_HSTS_SECONDS", 0),
        ("SECURE_SSL_REDIRECT", False),
        ("SECURE_CONTENT_TYPE_NOSNIFF", False),
        ("X_FRAME_OPTIONS", "SAMEORIGIN"),
        ("SECURE_REFERRER_POLICY", None),
        ("SECURE_REFERRER_POLICY", "same-origin, whatever"),
    ],
)
def test_case_g9_what_django_would_skip_is_asked(settings: Settings, setting: str, value: Any) -> None:
    settings.BEHIND_TLS_PROXY = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600
    assert sends_what_protects() == []
    setattr(settings, setting, value)
    (found,) = sends_what_protects()
    assert setting in found.msg


def test_case_g9_both_belong_to_the_deployment_check(settings: Settings) -> None:
    settings.MIDDLEWARE, settings.X_FRAME_OPTIONS = [], "SAMEORIGIN"
    found = {message.id for message in run_checks(tags=[Tags.security], include_deployment_checks=True)}
    assert {"causeway.W001", "causeway.W005"} <= found
