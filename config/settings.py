"""Django's settings, from the environment (docs/configuration.md). Fails at once, naming the variable that is wrong."""

import re
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from msgspec import structs

from bridge.dialects.builtin import Enabled, built_in, parse_dialects, with_controls
from bridge.names import is_name
from bridge.topic_filters import topic_filter_error, topic_name_error
from config import environment as env
from config import service_urls
from config import web_environment as web
from config.added_apps.setting import added_apps
from config.parts import has_web
from devices.options import DevicesOptions
from mqtt_gateway.options import GatewayOptions, MqttVersion
from mqtt_gateway.rules import pace
from runtime.http.front import MAX_BODY_BYTES
from runtime.lean_imports import django_test_signals
from runtime.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.boolean("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or ("only-for-development-" * 3 if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY: set it to a long random text (or DEBUG=true for development)")
ALLOWED_HOSTS = web.allowed_hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_FAILURE_VIEW = "devices.web.pages.views.csrf_failed"
CSRF_TRUSTED_ORIGINS = web.origins("CSRF_TRUSTED_ORIGINS")
ALLOWED_ORIGINS = web.exact_origins("ALLOWED_ORIGINS")
FRAME_ANCESTORS = web.exact_origins("FRAME_ANCESTORS")
PATH_PREFIX = web.path_prefix("PATH_PREFIX")
TRUSTED_PROXIES = web.trusted_proxies("TRUSTED_PROXIES")
BEHIND_TLS_PROXY = web.behind_tls_proxy("BEHIND_TLS_PROXY", TRUSTED_PROXIES)
MAX_SOCKETS_PER_USER = env.integer("MAX_SOCKETS_PER_USER", 1_000, low=1, high=1_000_000)
MAX_SOCKETS_PER_ADDRESS = env.integer("MAX_SOCKETS_PER_ADDRESS", 5_000, low=1, high=1_000_000)
WEBSOCKET_COMPRESSION = env.boolean("WEBSOCKET_COMPRESSION", default=True)
METRICS_ALLOWED = web.allowed_networks("METRICS_ALLOWED", "127.0.0.0/8,::1")
ADMIN_PASSWORD = env.text("ADMIN_PASSWORD")  # of the first user, for `manage.py ensure_admin`
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "console", ("console", "json"))
LOGGING_CONFIG = None
logging_config(level=LOG_LEVEL, style=LOG_FORMAT)

# The bridge ------------------------------------------------------------------------------------------------------

# True only in the demo, which runs every part in one process and so may use the in-memory layer.
CAUSEWAY_SINGLE_PROCESS = env.boolean("CAUSEWAY_SINGLE_PROCESS")


def _topic_root(value: str) -> str:
    if not is_name(value):
        raise ValueError("it is not one topic level, 1 to 64 of A-Z a-z 0-9 _ - . :")
    return value


def _sparkplug_host(value: str) -> str:
    if value and not is_name(value):
        raise ValueError("it has 1 to 64 of A-Z a-z 0-9 _ - . :")
    return value


def _topic_filters(value: str) -> tuple[str, ...]:
    filters = tuple(part.strip() for part in value.split(",") if part.strip())
    for number, one in enumerate(filters, start=1):
        if error := topic_filter_error(one):
            raise ValueError(f"entry {number}: {error}")
    return filters


def _client_id(value: str) -> str | None:
    if value and not re.fullmatch(r"[\x21-\x7e]{1,64}", value):
        raise ValueError("1 to 64 printable ASCII characters without spaces")
    return value or None


def _gateway_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,48}", value):
        raise ValueError("1 to 48 of A-Z a-z 0-9 _ - . :")
    return value


_root = env.parsed("BRIDGE_TOPIC_ROOT", "devices", _topic_root)


def _dialects(value: str) -> tuple[Enabled, ...]:
    spoken = parse_dialects(value)
    if env.boolean("HOMEASSISTANT_BIRTH", default=False):
        spoken = tuple(structs.replace(one, is_born=one.name == "homeassistant") for one in spoken)
    built_in(spoken, _root)
    return spoken


def _prefix(value: str) -> str:
    """A discovery prefix of Home Assistant."""
    if value and (error := topic_name_error(value) or ("it begins with $" if value[0] == "$" else None)):
        raise ValueError(f"no part of a topic name: {error}")
    if value.split("/", 1)[0] == _root:
        raise ValueError("it is under BRIDGE_TOPIC_ROOT")
    return value


_export = env.parsed("HOMEASSISTANT_EXPORT", "", _prefix)
_shared: dict[str, Any] = {
    "topic_root": _root,
    "spoken": with_controls(env.parsed("DIALECTS", "native", _dialects), _export),
    "shards": env.integer("BRIDGE_SHARDS", 4, low=1, high=256),
    "heartbeat_file": env.writable_file("HEARTBEAT_FILE"),
}
_gateway = env.parsed("GATEWAY_NAME", "gateway", _gateway_name)
DEVICES = DevicesOptions(
    **_shared,
    auto_register=env.boolean("BRIDGE_AUTO_REGISTER", default=True),
    max_devices=env.integer("MAX_DEVICES", 100_000, low=1, high=10_000_000),
    max_devices_per_site=env.integer("MAX_DEVICES_PER_SITE", 100_000, low=1, high=10_000_000),
    new_devices_per_second=env.integer("NEW_DEVICES_PER_SECOND", 100, low=1, high=1_000_000),
    max_metrics_per_device=env.integer("MAX_METRICS_PER_DEVICE", 200, low=1, high=100_000),
    stale_after_s=env.integer("STALE_AFTER_S", 300, low=1, high=366 * 86_400),
    retention_days=env.integer("RETENTION_DAYS", 30, low=1, high=36_600),
    rollup_days=env.integer("ROLLUP_RETENTION_DAYS", 400, low=1, high=36_600),
    quarantine_max_mb=env.integer("QUARANTINE_MAX_MB", 1024, low=1, high=1_000_000),
    handler_log_mb=env.integer("HANDLER_LOG_MB", 1024, low=1, high=1_000_000),
    handler_waiting_mb=env.integer("HANDLER_WAITING_MB", 256, low=1, high=1_000_000),
    default_gateway=_gateway,
    homeassistant_export=_export,
    mosquitto_passwords=env.writable_file("MOSQUITTO_PASSWORDS"),
)
_ca_file = env.text("MQTT_CA_CERTIFICATES")
_client_certificate, _client_key = env.text("MQTT_CLIENT_CERTIFICATE"), env.text("MQTT_CLIENT_KEY")
DATABASES = {"default": service_urls.database(BASE_DIR)}
GATEWAY = GatewayOptions(
    **_shared,
    **service_urls.mqtt_server(),
    version=cast("MqttVersion", env.choice("MQTT_VERSION", "5", ("5", "3.1.1"))),
    name=_gateway,
    client_id=env.parsed("MQTT_CLIENT_ID", "", _client_id),
    devices_share_listener=env.choice("MQTT_FLEET", "off", ("off", "own", "shared")) == "shared",
    topic_filters=env.parsed("GATEWAY_TOPIC_FILTERS", "", _topic_filters),
    sparkplug_host=env.parsed("SPARKPLUG_HOST_ID", "", _sparkplug_host),
    pace=pace.budget(
        cast("pace.Word", env.choice("BRIDGE_PACE", "balanced", pace.WORDS)),
        sqlite=DATABASES["default"]["ENGINE"].endswith("sqlite"),
    ),
    ca_file=Path(_ca_file) if _ca_file else None,
    client_certificate=Path(_client_certificate) if _client_certificate else None,
    client_key=Path(_client_key) if _client_key else None,
)

# Storage and layers ----------------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


_redis = service_urls.redis()
REDIS_URL = bool(_redis)  # whether there is one; what it says is a secret
_CAPACITY = 2_000  # messages a channel holds; the link's window keeps uplink far below, nudges may be lost
CHANNEL_LAYERS: dict[str, dict[str, Any]] = (
    {
        # Channels: devices.<shard>, gateway.<id>, replies. Kept in Redis until received.
        "default": {
            "BACKEND": "runtime.channel_layers.redis.ChannelLayer",
            "CONFIG": {"hosts": [_redis[0]], "capacity": _CAPACITY},
        },
        # Groups: dashboard.<shard>. Redis publish/subscribe: one round trip a broadcast, recovers by itself. It
        # does not tell databases apart, so their number goes into the prefix.
        "groups": {
            "BACKEND": "runtime.channel_layers.redis.GroupLayer",
            "CONFIG": {"hosts": [_redis[0]], "prefix": f"causeway-{_redis[1]}"},
        },
    }
    if _redis
    else {
        name: {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": _CAPACITY}}
        for name in ("default", "groups")
    }
)

# Web -------------------------------------------------------------------------------------------------------------

HAS_WEB = has_web(sys.argv)
if HAS_WEB:
    django_test_signals()
CAUSEWAY_APPS = added_apps("CAUSEWAY_APPS")
HANDLERS_IN_WORKERS = env.boolean("HANDLERS_IN_WORKERS", default=True)
_WEB_APPS = [
    "config.web_admin.CausewayAdminConfig",  # django.contrib.admin, with a site of ours
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
]
INSTALLED_APPS = [
    *(_WEB_APPS if HAS_WEB else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "channels",
    "mqtt_gateway.apps.MqttGatewayConfig",
    "devices.apps.DevicesConfig",
    "config.apps.CausewayConfig",
    *CAUSEWAY_APPS,
]
MIDDLEWARE = [
    "runtime.http.async_middleware.SecurityMiddleware",
    *(["corsheaders.middleware.CorsMiddleware"] if ALLOWED_ORIGINS else []),
    "runtime.http.static_files.static_files",
    "runtime.http.content_security.content_security_policy",
    "runtime.http.async_middleware.SessionMiddleware",
    "runtime.http.async_middleware.CommonMiddleware",
    "runtime.http.async_middleware.CsrfViewMiddleware",
    "runtime.http.async_middleware.AuthenticationMiddleware",
    "runtime.http.async_middleware.MessageMiddleware",
    "runtime.http.async_middleware.XFrameOptionsMiddleware",
]
# Pages of other sites may ask the API with tokens; never with cookies, which browsers send for whoever is signed in.
CORS_ALLOWED_ORIGINS, CORS_ALLOW_CREDENTIALS = ALLOWED_ORIGINS, False
CORS_URLS_REGEX = "^/api/"
CORS_ALLOW_HEADERS = (
    *("accept", "authorization", "cache-control", "content-type"),
    *("idempotency-key", "if-match", "if-none-match", "last-event-id"),
)
CORS_EXPOSE_HEADERS = ("allow", "date", "etag", "location", "retry-after", "www-authenticate")
CORS_PREFLIGHT_MAX_AGE = 7_200  # s; no browser remembers it for longer than that
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "devices" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"pages": "devices.web.pages.tags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "devices.web.people.logins.PatientBackend"]
PASSWORD_HASHERS = ["runtime.http.hashing.QueuedPBKDF2PasswordHasher"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_LOCKOUT_PARAMETERS = ["ip_address", "username"]  # each by itself
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "fleet"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "runtime.http.sessions"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Who asks, and whether by HTTPS, is seen to before Django: runtime.http.front.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS_PROXY
SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{PATH_PREFIX}/'.lstrip('/'))}(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 365 * 86_400 if BEHIND_TLS_PROXY else 0
FORCE_SCRIPT_NAME = PATH_PREFIX or None
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{PATH_PREFIX}/"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

STATIC_URL = f"{PATH_PREFIX}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "runtime.http.hashed_names.HashedNames"},
}
_PAGES = BASE_DIR / "devices" / "web" / "frontend" / "dist"  # `make setup` builds them: devices.web.pages.built
STATICFILES_DIRS: list[Any] = [
    BASE_DIR / "devices" / "web" / "static",
    *([("causeway/app", _PAGES)] if _PAGES.is_dir() else []),
]
WHITENOISE_USE_FINDERS = not STATIC_ROOT.is_dir()  # without `collectstatic`: straight from the sources
if WHITENOISE_USE_FINDERS:
    warnings.filterwarnings("ignore", message="No directory at")
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0  # of plain names; those with a hash are kept for good
WHITENOISE_IMMUTABLE_FILE_TEST = r"/causeway/app/[\w-]+-[0-9A-Z]{8}\.(js|css)(\.map)?$"  # they have it from their build
# They look for Django's own middleware by name; ours are subclasses, and config.security_checks asks for those, and for
# all that Django leaves out then. axes' middleware would answer for a locked login: devices.web.people.logins does.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "axes.W002"]
