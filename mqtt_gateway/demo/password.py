"""Who may connect to the demo's broker: whoever is on this machine, and from elsewhere who has the password."""

import hmac
from dataclasses import dataclass
from ipaddress import ip_address

import structlog
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

log = structlog.get_logger(__name__)


class PasswordFromElsewhere(BaseAuthPlugin):
    """Any user name will do: the demo's devices share one password."""

    @dataclass
    class Config:
        """From `BrokerConfig.plugins`."""

        password: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        """May this session begin?"""
        address = session.remote_address or ""
        if _is_loopback(address):
            return True
        expected: str = self.config.password
        allowed = bool(expected) and hmac.compare_digest((session.password or "").encode(), expected.encode())
        if not allowed:
            log.warning("a client was refused: it has not got MQTT_PASSWORD", address=address)
        return allowed


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
