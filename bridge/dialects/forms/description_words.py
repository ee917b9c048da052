"""What somebody says of a device, as JSON: read strictly, within bounds. Pure.

Words are the members of a description (docs/devices.md) that somebody has said, each as JSON: fields, properties by
their metric, actions by their name. What isn't said is left out. People and devices say them in JSON, and are told what
is wrong with it; dialects say them as a :class:`bridge.descriptions.Description`, of which too much is left out, as
its texts may come from a device as well.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.descriptions import Ack, Action, Description, Kind, Property, Retry
from bridge.dialects.forms.caches import by_identity
from bridge.names import is_device_key, is_name

Words = dict[str, Any]

MAX_TEXT_CHARS: Final = 128
MAX_UNIT_CHARS: Final = 32
MAX_NOTE_CHARS: Final = 256
MAX_PROPERTIES: Final = 2_000  # as many as a message has values; what is kept is bounded by MAX_METRICS_PER_DEVICE
MAX_VALUES: Final = 256  # of an enum
MAX_ACTIONS: Final = 100
MAX_ARGS: Final = 32  # of an action
MAX_STALE_AFTER_S: Final = 366 * 86_400
MOST_WRONG: Final = 20  # words beside which the good ones are looked for
MAX_WORDS_BYTES: Final = 64 * 1024  # of one source's words, as JSON
_MOST_CHARS: Final = {"unit": MAX_UNIT_CHARS, "note": MAX_NOTE_CHARS}
NEVER: Final = "never"  # stale_after_s of what may be silent for ever
_MOST_KNOWN: Final = 256  # lists of properties whose words are kept
READ_ONLY: Final = ("dialect", "origin", "withdrawn", "set_by")  # said by the software alone

_ONE_LINE: Final = r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
_NOT_ONE_LINE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_PATH: Final = re.compile(r" - at `\$?\.?(.*?)`\Z", re.DOTALL)
_INDEX: Final = re.compile(r"\[(\d+|\.\.\.)\]")
_MEMBER: Final = re.compile(r"(unknown|required) field `(.*?)`", re.DOTALL)

Text = Annotated[str, Meta(max_length=MAX_TEXT_CHARS, pattern=_ONE_LINE)] | UnsetType | None
_Number = Annotated[float, Meta(ge=-1e300, le=1e300)] | UnsetType | None
_Flag = bool | UnsetType | None


class WrongWordError(ValueError):
    """Some word is wrong: ``field`` says which (``properties.3.kind``), ``why`` what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field, self.why = field, why


class _Property(Struct, omit_defaults=True, forbid_unknown_fields=True, rename={"device_class": "class"}):
    metric: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARS, pattern=_ONE_LINE)]
    label: Text = UNSET
    kind: Kind | UnsetType | None = UNSET
    unit: Annotated[str, Meta(max_length=MAX_UNIT_CHARS, pattern=_ONE_LINE)] | UnsetType | None = UNSET
    device_class: Text = UNSET
    state_class: Text = UNSET
    low: _Number = UNSET
    high: _Number = UNSET
    step: Annotated[float, Meta(gt=0, le=1e300)] | UnsetType | None = UNSET
    values: (
        Annotated[
            list[Annotated[str, Meta(max_length=MAX_TEXT_CHARS, pattern=_ONE_LINE)]],
            Meta(min_length=1, max_length=MAX_VALUES),
        ]
        | UnsetType
        | None
    ) = UNSET
    settable: _Flag = UNSET
    diagnostic: _Flag = UNSET
    available: _Flag = UNSET
    note: Annotated[str, Meta(max_length=MAX_NOTE_CHARS, pattern=_ONE_LINE)] | UnsetType | None = UNSET


class _Action(Struct, omit_defaults=True, forbid_unknown_fields=True):
    name: str
    label: Text = UNSET
    args: Annotated[list[_Property], Meta(max_length=MAX_ARGS)] | UnsetType | None = UNSET
    retry: Retry | UnsetType | None = UNSET
    ack: Ack | UnsetType | None = UNSET


class _Description(Struct, omit_defaults=True, forbid_unknown_fields=True):
    name: Text = UNSET
    manufacturer: Text = UNSET
    model: Text = UNSET
    hardware: Text = UNSET
    firmware: Text = UNSET
    serial: Text = UNSET
    area: Text = UNSET
    via: Text = UNSET
    stale_after_s: Annotated[int, Meta(ge=1, le=MAX_STALE_AFTER_S)] | Literal["never"] | UnsetType | None = UNSET
    properties: list[_Property] | UnsetType | None = UNSET
    actions: Annotated[list[_Action], Meta(max_length=MAX_ACTIONS)] | UnsetType | None = UNSET


FIELDS: Final = _Description.__struct_fields__  # but for those that are read-only


# What people and devices say ---------------------------------------------------------------------------------------


def words_of(value: Any, most_properties: int, device: str = "") -> Words:
    """The words in a JSON object. Members that are null are there, as None; inside properties they are left out.

    Args:
        value: decoded JSON.
        most_properties: how many there may be.
        device: of whose words they are, if that is known: its key.

    Raises:
        WrongWordError: something in it is wrong.
    """
    try:
        found = msgspec.convert(value, _Description)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from None
    properties, actions = found.properties or [], found.actions or []
    if len(properties) > most_properties:
        raise WrongWordError("properties", f"more than {most_properties}")
    _check_properties(properties, "properties")
    _check_actions(actions)
    if isinstance(found.via, str) and found.via and not is_device_key(found.via):
        raise WrongWordError("via", "not the key of a device, site/device")
    if device and found.via == device:
        raise WrongWordError("via", "the device itself")
    words: Words = msgspec.to_builtins(found)
    if len(msgspec.json.encode(words)) > MAX_WORDS_BYTES:
        raise WrongWordError("", f"it has over {MAX_WORDS_BYTES} bytes")
    for member in ("properties", "actions"):
        if words.get(member):
            words[member] = [_said(one) for one in words[member]]
    return words


def good_words_of(value: dict[str, Any], most_properties: int) -> tuple[Words, WrongWordError | None, dict[str, Any]]:
    """The words in a JSON object without those that are wrong: a member, a property or an action each.

    Returns:
        The good ones; the first wrong one, and all that are, as an object of the same form. With too many of them, or
        where it is no single one's fault, none is good.
    """
    rest, bad, first = dict(value), dict[str, Any](), None
    for _ in range(MOST_WRONG + 1):
        try:
            return words_of(rest, most_properties), first, bad
        except WrongWordError as wrong:
            first = first or wrong
            if not _set_aside(rest, bad, wrong.field):
                break
    return {}, first, value


def _set_aside(rest: dict[str, Any], bad: dict[str, Any], field: str) -> bool:
    """Move the word of that name from one object to the other. False: it is no single one."""
    name, _, inner = field.partition(".")
    index = inner.partition(".")[0]
    each = rest.get(name)
    if name in ("properties", "actions") and isinstance(each, list) and index.isdecimal() and int(index) < len(each):
        bad.setdefault(name, []).append(each[int(index)])
        rest[name] = each[: int(index)] + each[int(index) + 1 :]
        return True
    name = field if field in rest else name
    if name not in rest:
        return False
    bad[name] = rest.pop(name)
    return True


def description_of(words: Words) -> Description:
    """The same as a description, of which what is not said is as when nobody knows it."""
    said = {name: value for name, value in words.items() if value is not None}
    if said.get("stale_after_s") == NEVER:
        said["stale_after_s"] = None
    return msgspec.convert(said, Description)


def without_read_only(value: Any) -> Any:
    """A description without what only the software says of it, so that what was read may be sent back."""
    if not isinstance(value, dict):
        return value
    rest = {name: one for name, one in value.items() if name not in READ_ONLY}
    if isinstance(properties := rest.get("properties"), list):
        rest["properties"] = [
            {name: one for name, one in each.items() if name != "set_by"} if isinstance(each, dict) else each
            for each in properties
        ]
    return rest


def _said(one: Words) -> Words:
    return {
        name: [_said(each) for each in value] if name == "args" else value
        for name, value in one.items()
        if value is not None
    }


def _check_properties(properties: Iterable[_Property], where: str) -> None:
    names: set[str] = set()
    for index, one in enumerate(properties):
        if one.metric in names:
            raise WrongWordError(f"{where}.{index}.metric", f"{one.metric!r} stands twice")
        names.add(one.metric)
        if isinstance(one.low, float) and isinstance(one.high, float) and one.low > one.high:
            raise WrongWordError(f"{where}.{index}.low", "it is above high")


def _check_actions(actions: Iterable[_Action]) -> None:
    names: set[str] = set()
    for index, one in enumerate(actions):
        if not is_name(one.name):
            raise WrongWordError(f"actions.{index}.name", "not 1 to 64 of A-Z a-z 0-9 _ - . :")
        if one.name in names:
            raise WrongWordError(f"actions.{index}.name", f"{one.name!r} stands twice")
        names.add(one.name)
        _check_properties(one.args or [], f"actions.{index}.args")


def _wrong(message: str) -> WrongWordError:
    """Msgspec's words for what is wrong, with the field apart."""
    at = _PATH.search(message)
    path = _INDEX.sub(r".\1", at[1]).lstrip(".") if at else ""
    why = message[: at.start()] if at else message
    if member := _MEMBER.search(why):
        path = f"{path}.{member[2]}".lstrip(".")
        why = "there is no such field" if member[1] == "unknown" else "it is missing"
    if "regex" in why:
        why = "a text of one line, without control characters"
    return WrongWordError(path[:200], why[:200])


# What dialects say -------------------------------------------------------------------------------------------------


def words_of_description(said: Description, most_properties: int) -> Words:
    """The words of a description; what is over a bound is cut, the last properties first."""
    words: Words = {
        name: text for name in (*FIELDS[:8], "origin", "dialect") if (text := _cut(getattr(said, name), MAX_TEXT_CHARS))
    }
    if words.get("via") and not is_device_key(words["via"]):
        del words["via"]
    if said.stale_after_s != 0:
        words["stale_after_s"] = NEVER if said.stale_after_s is None else min(said.stale_after_s, MAX_STALE_AFTER_S)
    if said.withdrawn:
        words["withdrawn"] = True
    if actions := list({one.name: _action(one) for one in said.actions[:MAX_ACTIONS] if is_name(one.name)}.values()):
        words["actions"] = actions
    if properties := _words_of(said.properties)[:most_properties]:
        words["properties"] = properties
    return _fitting(words)


def _fitting(words: Words) -> Words:
    for member in ("properties", "actions"):
        while words.get(member) and len(msgspec.json.encode(words)) > MAX_WORDS_BYTES:
            words[member] = words[member][: len(words[member]) * 3 // 4]
    return words


@by_identity(_MOST_KNOWN)
def _words_of(said: tuple[Property, ...]) -> list[Words]:
    """Devices of one model have the same ones, and a bridge lists all of them at each change of one."""
    return list({one["metric"]: one for one in map(_property, said) if one["metric"]}.values())


def _property(one: Property) -> Words:
    words: Words = {"metric": _cut(one.metric, MAX_TEXT_CHARS), "kind": one.kind}
    texts = (("label", one.label), ("unit", one.unit), ("class", one.device_class), ("state_class", one.state_class))
    for name, text in (*texts, ("note", one.note)):
        if text:
            words[name] = _cut(text, _MOST_CHARS.get(name, MAX_TEXT_CHARS))
    for name, number in (("low", one.low), ("high", one.high), ("step", one.step)):
        if number is not None and -1e300 <= number <= 1e300:
            words[name] = number
    if one.values:
        words["values"] = [_cut(text, MAX_TEXT_CHARS) for text in one.values[:MAX_VALUES]]
    words["settable"], words["diagnostic"], words["available"] = one.settable, one.diagnostic, one.available
    return words


def _action(one: Action) -> Words:
    label = _cut(one.label, MAX_TEXT_CHARS)
    args = _words_of(one.args)[:MAX_ARGS]
    return {"name": one.name, **({"label": label} if label else {}), "args": args, "retry": one.retry, "ack": one.ack}


def _cut(text: str, most: int) -> str:
    if len(text) <= most and text.isprintable():  # nearly all of them: nothing to look for
        return text.strip()
    return _NOT_ONE_LINE.sub(" ", text[: most + 1])[:most].strip()
