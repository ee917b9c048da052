"""Which items a handler is handed."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from django.db.models import ExpressionWrapper, F, TextField
from msgspec import Struct

from devices.handlers.items import Item, Reading
from devices.handlers.registry import Wanted
from devices.models import DeviceTag, Twin

NATIVE: Final = "native"  # how a handler names Causeway's own dialect, which a twin leaves out
_TEXT: Final = ExpressionWrapper(F("doc"), output_field=TextField())


class _Speaks(Struct):
    """Of a twin, what is asked here."""

    dialect: str = ""


_dialect_of = msgspec.json.Decoder(_Speaks).decode


def matching(wanted: Wanted, items: Iterable[Item]) -> list[Item]:
    """Those that are wanted, as the handler is handed them. Asks the database if it wants a tag or a dialect."""
    found = [one for item in items if (one := _as_wanted(wanted, item)) is not None]
    if wanted.tag is not None:
        found = _of(_tagged(found, wanted.tag), found)
    if wanted.dialect is not None:
        found = _of(_speaking(found, wanted.dialect), found)
    return found


def _as_wanted(wanted: Wanted, item: Item) -> Item | None:
    """The item if its own fields are as wanted."""
    if type(item) is not wanted.kind:
        return None
    if wanted.device is not None and item.device != wanted.device:
        return None
    if wanted.site is not None and item.device.partition("/")[0] != wanted.site:
        return None
    if wanted.metric is not None and isinstance(item, Reading):
        return item.of_metric(wanted.metric)
    return item


def _of(devices: set[str], items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.device in devices]


def _tagged(items: Sequence[Item], tag: str) -> set[str]:
    rows = DeviceTag.objects.filter(tag=tag, device__key__in={item.device for item in items})
    return set(rows.values_list("device__key", flat=True))


def _speaking(items: Sequence[Item], dialect: str) -> set[str]:
    """Devices of a dialect, which its twin says; one that is deleted speaks none."""
    twins = Twin.objects.filter(device__key__in={item.device for item in items})
    docs = twins.annotate(text=_TEXT).values_list("device__key", "text")
    return {key for key, text in docs if (_dialect_of(text).dialect or NATIVE) == dialect}
