"""Reads how long devices may be silent: what holds at their sites and for their tags."""

from typing import Final

from devices.rules.described.silence import SilenceLimits, SiteDefaults
from runtime.databases.statements import Statement

_SITES: Final = Statement("""\
SELECT site.name, site.stale_after_s, its.tag, its.stale_after_s
FROM devices_site AS site LEFT JOIN devices_tagdefault AS its ON its.site_id = site.id
WHERE site.stale_after_s IS NOT NULL OR its.id IS NOT NULL
""")


def read_limits(stale_after_s: int) -> SilenceLimits:
    """The limits now. One small query. ``stale_after_s``: STALE_AFTER_S."""
    by_site: dict[str, tuple[int | None, dict[str, int]]] = {}
    for name, own_s, tag, its_s in _SITES.rows():
        _, by_tag = by_site.setdefault(name, (own_s, {}))
        if tag is not None:
            by_tag[tag] = its_s
    return SilenceLimits(stale_after_s, {name: SiteDefaults(*one) for name, one in by_site.items()})
