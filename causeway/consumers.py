"""Channels consumers that can watch devices, and what stands before an app's consumers (docs/extending/channels.md).

Promised: ``DeviceConsumer`` (asynchronous) and ``JsonDeviceConsumer`` (synchronous) with ``watch``, ``unwatch``,
``attend``, ``leave`` and the handlers ``device_snapshot``, ``device_delta``, ``device_event``, ``device_gone``,
``device_command``, ``device_alert``, ``device_link``, ``people_changed``, ``device_closed``;
``TokenAuthMiddleware``; ``login(scope, user)`` and ``logout(scope)``.
"""

from devices.web.live.consumers.consumers import DeviceConsumer, JsonDeviceConsumer
from devices.web.live.consumers.credentials import TokenAuthMiddleware
from devices.web.live.consumers.signing_in import login, logout

__all__ = ["DeviceConsumer", "JsonDeviceConsumer", "TokenAuthMiddleware", "login", "logout"]
