"""How a message counts that says several things, of one device or of several: once."""

from typing import Final

_BEST_FIRST: Final = ("applied", "quarantined", "rejected")
_NOTHING: Final = ("applied", "")


class Tally:
    """What became of the parts of one message, by their numbers. A part that is carried out anew takes its place again.

    Args:
        is_good: whether any part of it is not malformed: then the whole is not kept for a part that is.
    """

    __slots__ = ("became", "is_good")

    def __init__(self, *, is_good: bool) -> None:
        self.became: dict[int, tuple[str, str]] = {}  # outcome and reason
        self.is_good = is_good

    @property
    def outcome(self) -> tuple[str, str]:
        """The message's own: applied if any part was."""
        found = sorted(self.became.items(), key=lambda item: (_BEST_FIRST.index(item[1][0]), item[0]))
        return found[0][1] if found else _NOTHING
