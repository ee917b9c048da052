"""What Django's deployment check asks of a site, asked of the middleware that we have.

Django's W001, W002 and W003 look for its middleware by name in ``MIDDLEWARE``. Ours are subclasses that spare a thread
hop each (runtime.http.async_middleware), so those three would be false here and are silenced; and where Django does not
find a name, it skips what depends on it. Both is made good here: by class, with settings of anybody's.

Not asked: W005 and W021. Subdomains and browsers' preload lists are for whoever owns the domain to decide.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 - Django's name
from django.core.checks.security.base import REFERRER_POLICY_VALUES
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.module_loading import import_string

_NEEDED: Final = (SecurityMiddleware, XFrameOptionsMiddleware, CsrfViewMiddleware)


def register_all() -> None:
    """Register with Django's check framework."""
    register(has_djangos_middleware, Tags.security, deploy=True)
    register(sends_what_protects, Tags.security, deploy=True)


def has_djangos_middleware(**_: Any) -> list[CheckMessage]:
    """In place of security.W001, W002 and W003."""
    there = [import_string(path) for path in settings.MIDDLEWARE]
    return [
        Warning(f"MIDDLEWARE: neither Django's {needed.__name__} nor a subclass of it is there", id="causeway.W001")
        for needed in _NEEDED
        if not any(isinstance(one, type) and issubclass(one, needed) for one in there)
    ]


def sends_what_protects(**_: Any) -> list[CheckMessage]:
    """In place of security.W004, W006, W008, W019 and W022, E023."""
    return list(_unprotected())


def _unprotected() -> Iterator[CheckMessage]:
    tls = "BEHIND_TLS_PROXY is true, but"
    if settings.BEHIND_TLS_PROXY and not settings.SECURE_HSTS_SECONDS:
        yield Warning(f"{tls} SECURE_HSTS_SECONDS is 0: browsers may come back by HTTP", id="causeway.W002")
    if settings.BEHIND_TLS_PROXY and not settings.SECURE_SSL_REDIRECT:
        yield Warning(f"{tls} SECURE_SSL_REDIRECT is false: HTTP is answered, too", id="causeway.W003")
    if not settings.SECURE_CONTENT_TYPE_NOSNIFF:
        yield Warning("SECURE_CONTENT_TYPE_NOSNIFF is false: browsers may guess what a file is", id="causeway.W004")
    if settings.X_FRAME_OPTIONS != "DENY":
        yield Warning("X_FRAME_OPTIONS is not DENY: other sites may frame the pages", id="causeway.W005")
    if not _policies() <= REFERRER_POLICY_VALUES or not _policies():
        yield Warning("SECURE_REFERRER_POLICY is none that browsers know", id="causeway.W006")


def _policies() -> set[str]:
    policy = settings.SECURE_REFERRER_POLICY or ()
    return {part.strip() for part in (policy.split(",") if isinstance(policy, str) else policy)}
