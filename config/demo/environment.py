"""The environment of the demo, set before the settings are read. What the user set stays, but for what must be so."""

import os
import secrets
from ipaddress import IPv4Address
from pathlib import Path

# What the simulated devices speak, and whatever of yours may be near.
DIALECTS = "native,tasmota@home,zigbee2mqtt@home,shelly@home,homeassistant@home,homie@home,sparkplug@plant"
LOOPBACK = "127.0.0.1"
BASE_DIR = Path(__file__).resolve().parent.parent.parent


class BrokerAddressError(Exception):
    """MQTT_HOST can't be used; ``str()`` says why."""


def prepare() -> None:
    """Make this process the single-process run on local parts."""
    # What clients from elsewhere must show; the gateway below is on this machine and shows none.
    os.environ["CAUSEWAY_DEMO_MQTT_PASSWORD"] = os.environ.get("MQTT_PASSWORD", "")
    os.environ.update(
        CAUSEWAY_SINGLE_PROCESS="true",
        REDIS_URL="",
        MQTT_URL=f"mqtt://127.0.0.1:{os.environ.get('MQTT_PORT') or 1883}",
        MQTT_VERSION="3.1.1",  # the embedded broker speaks no other
    )
    for name in ("MQTT_USERNAME", "MQTT_PASSWORD", "REDIS_URL_FILE", "MQTT_URL_FILE"):
        os.environ.pop(name, None)
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("DIALECTS", DIALECTS)
    if not (os.environ.get("SECRET_KEY") or os.environ.get("SECRET_KEY_FILE")):
        os.environ["SECRET_KEY"] = _kept_secret(BASE_DIR / "var" / "demo-secret-key")


def _kept_secret(file: Path) -> str:
    """A secret of this checkout's own, so that logins outlive a restart of the demo."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


def broker_address() -> tuple[str, str]:
    """Where the demo's broker also listens, by MQTT_HOST, and the password that clients from elsewhere must show.

    Raises:
        BrokerAddressError: it is no IPv4 address, or open to others without a password.
    """
    host = os.environ.get("MQTT_HOST") or LOOPBACK
    password = os.environ.get("CAUSEWAY_DEMO_MQTT_PASSWORD", "")
    try:
        address = IPv4Address(host)
    except ValueError:
        raise BrokerAddressError("MQTT_HOST: it is no IPv4 address") from None
    if not address.is_loopback and not password:
        raise BrokerAddressError(f"MQTT_HOST: {host} is open to others; choose an MQTT_PASSWORD for them")
    return host, password
