"""Who asks, in pages and API operations.

``access(request)`` in an operation of a registered router gives the Access of whoever asks; a page's ``data`` gets it
as an argument; ``visitor(request)`` in a view of the app's own is that of who is signed in, or None, as is
``access_of(scope["user"])`` in a consumer; these two are synchronous, and read the database. Promised of Access:
``username``, ``actor``, ``sees(site)``, ``sees_any``, ``may(capability, site)``, ``may_somewhere(capability)``,
``require(capability, device_key)``, ``device_filter(path)``.
"""

from devices.web.api.security import access
from devices.web.auth import Access, access_of
from devices.web.auth import access_of_visitor as visitor

__all__ = ["Access", "access", "access_of", "visitor"]
