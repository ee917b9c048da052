"""Names: of sites and devices, of channels and groups on the channel layer. All of the latter are made here.

The channels specification allows ``[A-Za-z0-9_.-]``, under 100 characters, so MQTT client ids are folded in.
"""

import hashlib
import re
from functools import cache

_ONE = r"(?!\.{1,2}(?![A-Za-z0-9_\-.:]))[A-Za-z0-9_\-.:]{1,64}"  # "." and ".." would climb in paths and URLs
_NAME = re.compile(rf"{_ONE}\Z")
_KEY = re.compile(rf"{_ONE}/{_ONE}\Z")
_CHILD_KEY = re.compile(rf"{_ONE}/{_ONE}~{_ONE}\Z")
_MAX_KEY_CHARS = 129  # Device.key
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def is_name(text: str) -> bool:
    """Whether ``text`` may name a site, device, event or command."""
    return _NAME.match(text) is not None


def is_source_key(text: str) -> bool:
    """Whether ``text`` is a key ``site/device``, as people and Causeway's own topics name devices."""
    return _KEY.match(text) is not None


def is_device_key(text: str) -> bool:
    """Whether ``text`` is a key ``site/device``, or ``site/device~child``: a device for which that one speaks."""
    return is_source_key(text) or (_CHILD_KEY.match(text) is not None and len(text) <= _MAX_KEY_CHARS)


@cache
def devices_channel(shard: int) -> str:
    """The channel on which the worker of ``shard`` (from 0) listens."""
    return f"devices.{shard}"


@cache
def dashboard_group(shard: int) -> str:
    """The group that gets every commit of ``shard`` (from 0)."""
    return f"dashboard.{shard}"


def gateway_channel(gateway: str) -> str:
    """The channel on which the gateway with this MQTT client id takes downlink messages.

    An id that is no valid channel name is replaced by 24 hex digits of its SHA-256.
    """
    if _PLAIN.match(gateway):
        return f"gateway.{gateway}"
    return "gateway.x-" + hashlib.sha256(gateway.encode("utf-8", "surrogatepass")).hexdigest()[:24]
