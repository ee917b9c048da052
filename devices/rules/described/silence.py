"""How long an online device may be silent: its own limit, else its tags', else its site's, else what it is said to be.

If nobody has said anything, the installation's limit holds.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from bridge.dialects.forms import description_words

MAX_STALE_AFTER_S: Final = description_words.MAX_STALE_AFTER_S


class SiteDefaults(Struct, frozen=True):
    """What holds at a site."""

    stale_after_s: int | None = None
    by_tag: Mapping[str, int] = {}


class SilenceLimits(Struct, frozen=True):
    """What holds for devices without a limit of their own. Seconds."""

    stale_after_s: int  # STALE_AFTER_S
    by_site: Mapping[str, SiteDefaults] = {}  # of those sites that have any

    def of(self, key: str, own_s: int | None, tags: Iterable[str], described_s: int | None = 0) -> int | None:
        """The device's limit; of several tags with one, the longest holds. None: it may be silent for ever.

        ``described_s``: by its description; None: for ever, 0: that does not say.
        """
        if own_s:
            return own_s
        site = self.by_site.get(key.partition("/")[0])
        if site is not None:
            tagged = max((site.by_tag[tag] for tag in tags if tag in site.by_tag), default=None)
            if limit_s := tagged or site.stale_after_s:
                return limit_s
        return self.stale_after_s if described_s == 0 else described_s
