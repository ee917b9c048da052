"""The stream from the database's rows: lists of devices, and answers to what subscriptions and feeds want to know.

All functions are synchronous and only read: run them by :class:`runtime.database.DatabaseReaders`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from heapq import nsmallest
from typing import Any, Final

import msgspec
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast
from msgspec import structs

from bridge.shards import shard_of
from devices.models import Alert, Command, ShardState, Site, Twin
from devices.rules.alerts.alert import alert_json
from devices.rules.commands import brief, command_json
from devices.rules.described.descriptions import Kept
from devices.rules.described.descriptions import load as load_description
from devices.rules.twin import TwinState, load, upgraded
from devices.web.live.queries.answers import Rows, answer, refusal, winners
from devices.web.live.queries.rows import MAX_ROWS, Replay, read_rows
from devices.web.live.stream.changes import Answer, NotFound, Query, StepKind
from devices.web.live.stream.rendering import answer_bytes
from devices.web.live.stream.targets import Target

_KEYS_A_QUERY: Final = 500
STEPS_A_QUERY: Final = 200  # more only if one commit brought more

_encode = msgspec.json.Encoder().encode


def list_devices(target: Target) -> list[tuple[str, int]]:
    """Keys and revs of the target's devices that there are, in the order of their keys."""
    twins = Twin.objects.order_by("device__key").values_list("device__key", "rev")
    if target.devices is not None:
        return [row for keys in _chunks(sorted(target.devices)) for row in twins.filter(device__key__in=keys)]
    if target.sites is not None:
        twins = twins.filter(device__site__name__in=sorted(target.sites))
    return list(twins)


def list_some(target: Target, after: str, limit: int) -> tuple[list[tuple[str, int]], str | None]:
    """Keys and revs of some of the target's devices, by key; and after which key to go on, None: there are no more.

    Args:
        target: whose.
        after: what the call before gave; "": the first ones.
        limit: how many.
    """
    if target.devices is not None:
        keys = nsmallest(limit + 1, [key for key in target.devices if key > after])
        return list_devices(Target(devices=frozenset(keys[:limit]))), keys[limit - 1] if len(keys) > limit else None
    twins = Twin.objects.filter(device__key__gt=after)
    if target.sites is not None:
        twins = twins.filter(device__site__name__in=sorted(target.sites))
    rows = list(twins.order_by("device__key").values_list("device__key", "rev")[: limit + 1])
    return rows[:limit], rows[limit - 1][0] if len(rows) > limit else None


class Listed:
    """Devices of some shards with their revs, found by target.

    Args:
        devices: those that there are.
        shards: whose devices they are.
        of: how many shards there are.
    """

    def __init__(self, devices: Mapping[str, int], shards: Set[int], of: int) -> None:
        self._shards, self._of = shards, of
        self._all = {device: rev for device, rev in devices.items() if self.covers(device)}
        self._by_site: dict[str, dict[str, int]] = {}
        for device, rev in self._all.items():
            self._by_site.setdefault(device.partition("/")[0], {})[device] = rev

    def covers(self, device: str) -> bool:
        """Whether it belongs to one of the shards."""
        return shard_of(device, self._of) in self._shards

    def of(self, target: Target) -> Mapping[str, int]:
        """Those that a target covers."""
        if target.devices is not None:
            return {device: self._all[device] for device in target.devices if device in self._all}
        if target.sites is None:
            return self._all
        found: dict[str, int] = {}
        for site in target.sites:
            found |= self._by_site.get(site, {})
        return found


def list_watched(targets: Sequence[Target], shards: Set[int], of: int) -> Listed:
    """The targets' devices that belong to some of the ``of`` shards."""
    found: dict[str, int] = {}
    for target in targets:
        found |= list_devices(target)
    return Listed(found, frozenset(shards), of)


def read(queries: Sequence[Query], *, latest: bool, budget_bytes: int) -> list[Answer]:
    """Answers to the first of ``queries``, at least one if there are any; the others are for another call.

    Args:
        queries: questions, each about another device.
        latest: leave out readings that set no metric of today.
        budget_bytes: the answers are about so large together, or one of them is larger.
    """
    found = _twins([query.device for query in queries])
    replays = _replays(queries, found, latest=latest)
    rows = _still_there(replays, read_rows(replays, budget_bytes))
    out: list[Answer] = []
    size = 0
    for query in queries:
        made = _answer(query, found.get(query.device), rows)
        if made is None:
            continue  # for another call
        out.append(made)
        size += answer_bytes(made)
        if size >= budget_bytes:
            break
    return out


def _answer(query: Query, found: "_Found | None", rows: Mapping[str, Rows | None]) -> Answer | None:
    """None: its rows were not read yet."""
    if found is None:
        return NotFound(query.device)
    if refusal(query, found.twin, found.purged_rev):
        return answer(query, found.twin, Rows(purged_rev=found.purged_rev), found.kept)
    if query.device not in rows:
        return None
    read = rows[query.device]
    return NotFound(query.device) if read is None else answer(query, found.twin, read, found.kept)


def list_existing(keys: Iterable[str]) -> set[str]:
    """Those of the keys that belong to a device."""
    return {key for key, _ in list_devices(Target(devices=frozenset(keys)))}


def site_exists(name: str) -> bool:
    """Whether there is a site of this name."""
    return Site.objects.filter(name=name).exists()


class Step(msgspec.Struct, frozen=True):
    """A command or an alert as its latest step left it, and the commit that brought it."""

    device: str
    id: str
    commit: int
    kind: StepKind
    whole: bytes  # JSON


class Steps(msgspec.Struct, frozen=True):
    """Those whose latest step came with a commit up to ``upto``; others follow if that is below ``high``."""

    found: Sequence[Step]
    upto: int
    high: int


def steps_between(targets: Sequence[Target], shard: int, of: int, low: int, high: int | None) -> Steps:
    """The targets' commands and alerts whose latest step came with a commit of the shard, ``low`` < commit ≤ ``high``.

    Args:
        targets: their devices belong to any of them.
        shard: whose commits these numbers are of.
        of: how many shards there are.
        low: up to which all is known.
        high: the last that is asked for; None: the last there is.
    """
    if high is None:
        high = ShardState.objects.values_list("commit", flat=True).get(shard=shard)
    rows = Command.objects.annotate(its_shard=F("device__hash") % of).filter(_belonging(targets, "device__"))
    commands, commands_upto = _whole_commits(rows.filter(its_shard=shard).select_related("device"), low, high)
    alarms = Alert.objects.annotate(its_shard=F("hash") % of).filter(_belonging(targets), its_shard=shard)
    alerts, alerts_upto = _whole_commits(alarms, low, high)
    upto = min(commands_upto, alerts_upto)
    steps = [*map(_step_of_command, commands), *map(_step_of_alert, alerts)]
    found = [one for one in steps if one.commit <= upto and any(target.covers(one.device) for target in targets)]
    return Steps(sorted(found, key=lambda one: one.commit), upto, high)


def _whole_commits(rows: "QuerySet[Any]", low: int, high: int) -> tuple[list[Any], int]:
    """Some of the rows, and the commit up to which they are all: the next question begins after one."""
    rows = rows.filter(commit__gt=low, commit__lte=high).order_by("commit", "pk")
    found = list(rows[: STEPS_A_QUERY + 1])
    if len(found) <= STEPS_A_QUERY:
        return found, high
    upto = found[-1].commit - 1 if found[-1].commit > found[0].commit else found[0].commit
    return list(rows.filter(commit__lte=upto)), upto


def _belonging(targets: Sequence[Target], path: str = "") -> Q:
    """What a query can say of it cheaply. ``path``: to the device; "": its key and site are the row's own."""
    keys = [key for target in targets for key in target.devices or ()]
    if any(target.devices is None and target.sites is None for target in targets) or len(keys) > _KEYS_A_QUERY:
        return Q()
    sites = [site for target in targets for site in target.sites or ()]
    site, key = (f"{path}site__name__in", f"{path}key__in") if path else ("site__in", "device__in")
    return Q(**{site: sites}) | Q(**{key: keys})


def _step_of_command(row: Command) -> Step:
    key = row.device.key
    return Step(key, str(row.pk), row.commit, "command", _encode(brief(command_json(row, key))))


def _step_of_alert(row: Alert) -> Step:
    return Step(row.device, str(row.pk), row.commit, "alert", _encode(alert_json(row)))


class _Found(msgspec.Struct, frozen=True):
    """What a twin's row says of a device."""

    pk: int
    twin: TwinState
    purged_rev: int
    kept: Kept | None  # what the device is, if anybody has said anything


def _twins(keys: Sequence[str]) -> dict[str, _Found]:
    rows = Twin.objects.filter(device__key__in=keys).annotate(
        text=Cast("doc", TextField()), said=Cast("device__description__doc", TextField())
    )
    found = rows.values_list("device__key", "pk", "text", "purged_rev", "said")
    return {
        key: _Found(pk, load(upgraded(text)), purged_rev, load_description(said) if said else None)
        for key, pk, text, purged_rev, said in found
    }


def _still_there(replays: Sequence[Replay], rows: Mapping[str, Rows]) -> dict[str, Rows | None]:
    """The rows with what had been purged of each device by the time they were read; None: the device is deleted.

    Rows are purged in the transaction that says so in the twin: read after the rows, it tells whether any were missing.
    """
    moved = {one.pk: one.device for one in replays if one.device in rows and one.upto > one.since}
    purged = dict(Twin.objects.filter(pk__in=moved).values_list("pk", "purged_rev")) if moved else {}
    late = {
        device: structs.replace(rows[device], purged_rev=purged[pk]) if pk in purged else None
        for pk, device in moved.items()
    }
    return {**rows, **late}


def _replays(queries: Sequence[Query], found: Mapping[str, _Found], *, latest: bool) -> list[Replay]:
    """The questions that take rows, as many of the first as likely make no more than ``MAX_ROWS`` (one may)."""
    out: list[Replay] = []
    total = 0
    for query in queries:
        one = found.get(query.device)
        if one is None or query.since is None or refusal(query, one.twin, one.purged_rev):
            continue
        revs = frozenset(winners(one.twin, query.since)) if latest else None
        likely = one.twin.rev - query.since if revs is None else len(revs)  # readings and events have revs of their own
        total += likely
        if out and total > MAX_ROWS:
            break
        out.append(Replay(query.device, one.pk, query.since, one.twin.rev, revs, likely))
    return out


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _KEYS_A_QUERY] for start in range(0, len(keys), _KEYS_A_QUERY))
