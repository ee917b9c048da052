"""The environment that our processes run in during tests: the contract's variables and nothing of the caller's."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What configures the product; whatever the developer's shell has set must not leak into a test.
_NAMES = """
ADMIN_PASSWORD ALLOWED_HOSTS ALLOWED_ORIGINS BEHIND_TLS_PROXY BRIDGE_AUTO_REGISTER BRIDGE_SHARDS BRIDGE_TOPIC_ROOT
CAUSEWAY_APPS CAUSEWAY_SINGLE_PROCESS CSRF_TRUSTED_ORIGINS DATABASE_URL DEBUG DIALECTS FRAME_ANCESTORS GATEWAY_NAME
GATEWAY_TOPIC_FILTERS
HANDLER_LOG_MB HANDLER_WAITING_MB HANDLERS_IN_WORKERS
HEARTBEAT_FILE HOMEASSISTANT_BIRTH HOMEASSISTANT_EXPORT LOG_FORMAT LOG_LEVEL MAX_DEVICES
MAX_METRICS_PER_DEVICE MAX_SOCKETS_PER_ADDRESS
MAX_SOCKETS_PER_USER METRICS_ALLOWED MOSQUITTO_PASSWORDS MQTTS_PORT MQTT_CA_CERTIFICATES MQTT_CLIENT_CERTIFICATE
MQTT_CLIENT_ID MQTT_CLIENT_KEY MQTT_FLEET MQTT_HOST MQTT_HOSTS MQTT_PASSWORD MQTT_PORT MQTT_TLS MQTT_URL MQTT_USERNAME
MQTT_VERSION PATH_PREFIX PORT
QUARANTINE_MAX_MB REDIS_URL RETENTION_DAYS ROLLUP_RETENTION_DAYS SECRET_KEY SPARKPLUG_HOST_ID STALE_AFTER_S
TRUSTED_PROXIES WEBSOCKET_COMPRESSION
"""
CONTRACT_VARIABLES = frozenset(_NAMES.split())


def clean_environment() -> dict[str, str]:
    """This process's environment without the contract's variables (also their ``_FILE`` forms) and make's own."""
    left_out = CONTRACT_VARIABLES | {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in left_out}


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """A clean environment with `settings` in it; our modules found, output unbuffered."""
    return {
        **clean_environment(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def use_for_this_process(settings: Mapping[str, str]) -> None:
    """Make pytest's own process see `settings` only: the unit tests run Django in it."""
    for name in list(os.environ):
        if name.removesuffix("_FILE") in CONTRACT_VARIABLES:
            del os.environ[name]
    os.environ.update(settings)
