"""Parts of device keys from the names that others give their devices: any text, the same part each time, no state."""

import re
from hashlib import blake2s
from typing import Final

MAX_PART_CHARS: Final = 48  # source and child, with "~" between, are at most 97: a key with its site fits everywhere
_PLAIN: Final = re.compile(rf"(?!\.{{1,2}}\Z)[A-Za-z0-9_\-.:]{{1,{MAX_PART_CHARS}}}\Z")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_SLUG_CHARS: Final = 36


def key_part(name: str) -> str:
    """A foreign name as a part of a device key: itself where it can be, else its readable rest and a hash of it."""
    return name if _PLAIN.match(name) else hashed_part(name)


def key_part_of(outer: str, inner: str) -> str:
    """Two names, one within the other, as one part of a key, ``outer.inner``. No other two have the same."""
    if "." in outer:
        return hashed_part(f"{outer}/{inner}")
    return key_part(f"{outer}.{inner}") if inner else hashed_part(f"{outer}/")


def hashed_part(name: str) -> str:
    """``kitchen-lamp.1c0ffee123``: at most 47 characters."""
    digest = blake2s(name.encode(errors="surrogatepass"), digest_size=5).hexdigest()
    return f"{_OTHER.sub('-', name)[:_SLUG_CHARS]}.{digest}"
