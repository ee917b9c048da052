"""Where clients of event streams stand, as far as it does not fit into events' ids. Synchronous.

The only thing that the live stream writes. Safe to repeat: a part that is there already is the same.
"""

import secrets
from datetime import timedelta
from typing import Final

from devices.models import StreamPosition
from devices.web.live.stream.positions import Place, Revs, pack, unpack
from runtime.database import writing
from runtime.database_clock import now

NEEDED_EVERY_S: Final = 600.0  # an open stream says so often that its position is needed
_KEPT: Final = timedelta(hours=2)  # from then on: an hour after the stream's end at least
_WHOLE_EVERY: Final = 200  # so many parts make up a position at most
_MOST_BYTES: Final = 64 * 1024 * 1024  # of a whole position: of the devices of the largest installation


def keep(stream: str, number: int, moved: Revs) -> bool:
    """Keep a part of a stream's position. Now and then one that needs no other.

    Returns:
        Whether this is what is kept. Not so if another request went on from the same place, and was sent other things.
    """
    is_whole = number % _WHOLE_EVERY == 0
    before = resolve(Place(stream, number - 1, {})) if is_whole else {}
    if before is None:  # cannot be: nothing is purged of an open stream
        raise LookupError(f"parts of stream {stream} are missing before {number}")
    revs = {**before, **moved}
    if is_whole:  # nothing comes before it that would have to be taken back
        revs = {device: rev for device, rev in revs.items() if rev is not None}
    row = StreamPosition(stream=stream, number=number, is_whole=is_whole, moved=pack(revs))
    with writing():
        StreamPosition.objects.bulk_create([row], ignore_conflicts=True)
    kept = StreamPosition.objects.filter(stream=stream, number=number).values_list("moved", flat=True).first()
    return kept is not None and bytes(kept) == row.moved


def whole(place: Place) -> tuple[str, dict[str, int | None]]:
    """The same place in a stream of its own: its name, and where all devices are; nothing of it is kept yet.

    Raises:
        LookupError: it is not known any more.
    """
    revs = resolve(place)
    if revs is None:
        raise LookupError(f"parts of stream {place.stream} are missing before {place.number}")
    return secrets.token_urlsafe(12), revs


def resolve(place: Place) -> dict[str, int | None] | None:
    """The revs at a place; None: it is not known (any more)."""
    parts: list[dict[str, int | None]] = [place.moved]
    wanted = place.number
    rows = StreamPosition.objects.filter(stream=place.stream, number__lte=place.number).order_by("-number")
    for number, is_whole, moved in rows.values_list("number", "is_whole", "moved")[:_WHOLE_EVERY]:
        if wanted == 0 or number != wanted:
            break
        parts.append(unpack(bytes(moved), _MOST_BYTES))
        wanted = 0 if is_whole else number - 1
    if wanted:
        return None
    return {device: rev for part in reversed(parts) for device, rev in part.items()}


def need(stream: str, number: int) -> None:
    """Say that a stream's client may yet stand there, and forget where no client does any more."""
    first = number - number % _WHOLE_EVERY
    parts = StreamPosition.objects.filter(stream=stream, number__gte=first, number__lte=number)
    with writing():
        parts.update(needed_at=now())
        StreamPosition.objects.filter(needed_at__lt=now() - _KEPT).delete()
