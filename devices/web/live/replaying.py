"""The stream from the database's rows: lists of devices, and answers to what subscriptions and feeds want to know.

All functions are synchronous and only read: run them by :class:`devices.web.live.database.Database`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from django.db.models import TextField
from django.db.models.functions import Cast

from devices.models import Command, Twin
from devices.rules.commands import command_json
from devices.rules.twin import TwinState, load
from devices.web.live.answering import Rows, answer, refusal, winners
from devices.web.live.parts import Answer, Want, answer_bytes
from devices.web.live.rows import MAX_ROWS, Replay, read_rows
from devices.web.live.targets import Target

_KEYS_A_QUERY: Final = 500
_MAX_COMMANDS: Final = 200

_encode = msgspec.json.Encoder().encode


def list_devices(target: Target) -> list[tuple[str, int]]:
    """Keys and revs of the target's devices that there are, in the order of their keys."""
    twins = Twin.objects.order_by("device__key").values_list("device__key", "rev")
    if target.devices is not None:
        return [row for keys in _chunks(sorted(target.devices)) for row in twins.filter(device__key__in=keys)]
    if target.sites is not None:
        twins = twins.filter(device__site__name__in=sorted(target.sites))
    return list(twins)


def read(wants: Sequence[Want], *, latest: bool, budget_bytes: int) -> list[Answer]:
    """Answers to the first of ``wants``, at least one if there are any; the others are for another call.

    Args:
        wants: questions, each about another device.
        latest: leave out readings that set no metric of today.
        budget_bytes: the answers are about so large together, or one of them is larger.
    """
    found = _twins([want.device for want in wants])
    rows = read_rows(_replays(wants, found, latest=latest), budget_bytes)
    out: list[Answer] = []
    size = 0
    for want in wants:
        _, twin = found.get(want.device, (0, None))
        if twin is not None and refusal(want, twin) is None and want.device not in rows:
            continue  # for another call
        out.append(answer(want, twin, rows.get(want.device, Rows())))
        size += answer_bytes(out[-1])
        if size >= budget_bytes:
            break
    return out


def list_existing(keys: Iterable[str]) -> set[str]:
    """Those of the keys that belong to a device."""
    return {key for key, _ in list_devices(Target(devices=frozenset(keys)))}


def commands_since(target: Target, since_ms: int) -> list[tuple[str, bytes]]:
    """Device and JSON of the target's commands whose last step is not older than ``since_ms`` (Unix ms).

    At most 200, the newest: what is older than that while it was missed is for the REST API.
    """
    commands = Command.objects.select_related("device").order_by("-created_at")
    if target.sites is not None:
        commands = commands.filter(device__site__name__in=sorted(target.sites))
    if target.devices is not None:
        commands = commands.filter(device__key__in=sorted(target.devices)[:_KEYS_A_QUERY])
    recent = [one for one in commands[:_MAX_COMMANDS] if one.timeline and one.timeline[-1]["at_ms"] >= since_ms]
    return [(one.device.key, _encode(command_json(one, one.device.key))) for one in reversed(recent)]


def _twins(keys: Sequence[str]) -> dict[str, tuple[int, TwinState]]:
    rows = Twin.objects.filter(device__key__in=keys).annotate(text=Cast("doc", TextField()))
    return {key: (pk, load(text)) for key, pk, text in rows.values_list("device__key", "pk", "text")}


def _replays(wants: Sequence[Want], found: Mapping[str, tuple[int, TwinState]], *, latest: bool) -> list[Replay]:
    """The questions that take rows, as many of the first as likely make no more than ``MAX_ROWS`` (one may)."""
    out: list[Replay] = []
    total = 0
    for want in wants:
        pk, twin = found.get(want.device, (0, None))
        if twin is None or want.since is None or refusal(want, twin):
            continue
        revs = frozenset(winners(twin, want.since)) if latest else None
        likely = twin.rev - want.since if revs is None else len(revs)  # each reading and event has a rev of its own
        total += likely
        if out and total > MAX_ROWS:
            break
        out.append(Replay(want.device, pk, want.since, twin.rev, revs, likely))
    return out


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_A_QUERY] for start in range(0, len(keys), _KEYS_A_QUERY))
