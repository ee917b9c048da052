"""Reads how long devices may be silent: what holds at their sites and for their tags."""

from django.db.models import Q

from devices.models import Site
from devices.rules.silence import SilenceLimits, SiteDefaults


def read_limits(stale_after_s: int) -> SilenceLimits:
    """The limits now. One small query. ``stale_after_s``: STALE_AFTER_S."""
    sites = Site.objects.filter(~Q(stale_after_s=None) | ~Q(tag_defaults=None)).order_by()
    by_site: dict[str, tuple[int | None, dict[str, int]]] = {}
    for name, own_s, tag, its_s in sites.values_list(
        "name", "stale_after_s", "tag_defaults__tag", "tag_defaults__stale_after_s"
    ):
        _, by_tag = by_site.setdefault(name, (own_s, {}))
        if tag is not None:
            by_tag[tag] = its_s
    return SilenceLimits(stale_after_s, {name: SiteDefaults(*one) for name, one in by_site.items()})
