"""Who asks, in pages and API operations.

``access(request)`` in an operation of a registered router gives the Access of whoever asks; a page's ``data`` gets it
as an argument; ``visitor(request)`` in a view of the app's own is that of who is signed in, or None. Promised of it:
``username``, ``actor``, ``sees(site)``, ``sees_any``, ``may(capability, site)``, ``may_somewhere(capability)``,
``require(capability, device_key)``, ``device_filter(path)``.
"""

from devices.web.api.security import access
from devices.web.auth import Access
from devices.web.auth import access_of_visitor as visitor

__all__ = ["Access", "access", "visitor"]
