"""Changes that people and programs ask of a device: desired state, tags, settings."""

from typing import Any

import msgspec
from msgspec import Struct

from bridge.json_limits import json_error
from bridge.names import is_name
from devices.rules import documents, metrics
from devices.rules.described.silence import MAX_STALE_AFTER_S
from devices.rules.twin import TwinState

MAX_TAGS = 50


class Refused(Struct, frozen=True):
    """Why nothing was changed: a code of docs/websocket.md, and a sentence."""

    code: str
    message: str


def set_desired(twin: TwinState, patch: Any, if_version: int | None) -> Refused | None:
    """Merge ``patch`` into desired (RFC 7396); a change raises ``desired_version`` and takes a rev."""
    if not isinstance(patch, dict):
        return Refused("bad_request", "patch must be a JSON object")
    if malformed := json_error(patch):
        return Refused("bad_request", f"patch: {malformed.reason} {malformed.detail}".rstrip())
    if if_version is not None and if_version != twin.desired_version:
        return Refused("conflict", f"desired is at version {twin.desired_version}, not {if_version}")
    changed = documents.changes(twin.desired, patch)
    if changed:
        if limit := documents.too_large(twin.desired, patch, changed):
            return Refused("too_large", f"desired would be {limit}")
        twin.rev += 1
        twin.desired_version += 1
        twin.record("desired", *documents.as_patches(twin.desired, changed))
        documents.apply(twin.desired, changed, twin.rev)
    return None


def set_tags(twin: TwinState, tags: Any) -> Refused | None:
    """Replace the tags: up to 50 distinct names of 1-64 ``A-Z a-z 0-9 _ - . :``. Kept sorted."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) and is_name(tag) for tag in tags):
        return Refused("bad_request", "tags must be a list of names of 1-64 A-Z a-z 0-9 _ - . :")
    if len(set(tags)) > MAX_TAGS:
        return Refused("bad_request", f"at most {MAX_TAGS} tags")
    if twin.tags != (wanted := sorted(set(tags))):
        twin.rev += 1
        twin.record("tags", wanted, twin.tags)
        twin.tags, twin.tags_rev = wanted, twin.rev
    return None


def remove_metric(twin: TwinState, name: Any) -> Refused | None:
    """Remove a metric; what comes from the device later brings it back."""
    if not isinstance(name, str):
        return Refused("bad_request", "name must be a metric's")
    if name not in twin.metrics:
        return Refused("not_found", f"there is no metric {name}")
    metrics.remove(twin, [name])
    return None


def settings_error(settings: Any) -> Refused | None:
    """What is wrong with ``{"stale_after_s": n | null}``: seconds of silence until stale; null: the installation's."""
    if not isinstance(settings, dict) or set(settings) != {"stale_after_s"}:
        return Refused("bad_request", "settings must be an object with stale_after_s")
    limit = settings["stale_after_s"]
    if limit is None or (type(limit) is int and 1 <= limit <= MAX_STALE_AFTER_S):
        return None
    return Refused("bad_request", f"stale_after_s must be a whole number from 1 to {MAX_STALE_AFTER_S}, or null")


def desired_payload(twin: TwinState) -> bytes:
    """What the retained ``desired`` topic should hold now: ``{"version": n, "delta": {…}}``, empty if nothing lacks."""
    delta = documents.missing(twin.desired.value, twin.reported.value)
    return msgspec.json.encode({"version": twin.desired_version, "delta": delta}) if delta else b""
