"""Who asks, in pages and API operations.

``access(request)`` in an operation of a registered router gives the Access of whoever asks; a page's ``data`` gets it
as an argument. Promised of Access: ``username``, ``actor``, ``sees(site)``, ``may(capability, site)``,
``may_somewhere(capability)``, ``require(capability, device_key)``, ``device_filter(path)``.
"""

from devices.web.api.security import access
from devices.web.auth import Access

__all__ = ["Access", "access"]
