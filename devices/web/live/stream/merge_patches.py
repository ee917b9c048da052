"""Composes merge patches (RFC 7396). Pure."""

from typing import Any


def composed(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any] | None:
    """The one patch that does what ``first`` and then ``second`` do, to any target; None when there is none.

    There is none where ``first`` removes or replaces a value that ``second`` then makes an object: a merge patch can't
    say "forget what was there and put this object", it can only merge.
    """
    out = dict(first)
    for key, patch in second.items():
        if key in first and isinstance(patch, dict):
            earlier = first[key]
            inner = composed(earlier, patch) if isinstance(earlier, dict) else None
            if inner is None:
                return None
            out[key] = inner
        else:
            out[key] = patch
    return out
