"""Tables that apps may read, and refer to by foreign keys. Only devices' workers write them.

Promised of them: ``Site.name``; ``Device.key``, ``.site``; ``Twin.device``, ``.rev``, ``.status``, ``.tags``;
``Reading`` and ``Event`` with ``device``, ``rev``, ``ts`` (Unix ms), ``metrics`` or ``name`` and ``data``.
"""

from devices.models import Device, Event, Reading, Site, Twin

__all__ = ["Device", "Event", "Reading", "Site", "Twin"]
