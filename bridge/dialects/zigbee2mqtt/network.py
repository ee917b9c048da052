"""``bridge/devices`` and ``bridge/groups``: lists of all members of the network, each at any change of one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import MsgspecError, Raw, Struct, json, structs

from bridge.dialects.forms.names import key_part
from bridge.dialects.forms.texts import label
from bridge.dialects.zigbee2mqtt.exposes import features, features_in
from bridge.dialects.zigbee2mqtt.model import GET, Feature, Member, Model

MOST_MEMBERS: Final = 2_000
_MOST_GROUPED: Final = 200
_OF_GROUPS: Final = frozenset({"light", "switch", "cover", "fan", "lock", "climate"})  # what a group can be told
_NO_MEMBERS: Final = ("Coordinator",)  # the bridge itself


class _Definition(Struct):
    vendor: Any = None
    model: Any = None
    exposes: Raw = Raw(b"null")


class _Listed(Struct):
    """A device in the list, without what isn't needed of it."""

    type: Any = None
    ieee_address: Any = None
    friendly_name: Any = None
    manufacturer: Any = None
    model_id: Any = None
    software_build_id: Any = None
    power_source: Any = None
    definition: _Definition | None = None


_FIELDS: Final = _Listed.__struct_fields__[:-1]
_read: Final = json.Decoder(list[_Listed]).decode


def with_devices_in(model: Model, payload: bytes) -> Model | None:
    """The model with the devices in a list (JSON) instead of those before; None: it is not written as usual.

    Some 20 KB a device are passed over unread, which takes a fifth of the time.
    """
    try:
        if not payload.isascii():
            payload.decode()  # also in what is passed over
        listed = _read(payload)
    except (MsgspecError, ValueError, RecursionError):
        return None
    return _with(model, (_member(one, _exposed(one.definition)) for one in listed[:MOST_MEMBERS]))


def with_devices(model: Model, listed: Any) -> Model | None:
    """The same with a list that is read; None: it is none."""
    return _with(model, map(_device, listed[:MOST_MEMBERS])) if isinstance(listed, list) else None


def _with(model: Model, devices: Iterable[Member | None]) -> Model:
    groups = [one for one in model.members.values() if one.is_group]
    return structs.replace(model, members=_members([one for one in devices if one is not None], groups))


def with_groups(model: Model, listed: Any) -> Model | None:
    """The model with these groups instead of those before; None: it is no list."""
    if not isinstance(listed, list):
        return None
    groups = [one for raw in listed[:MOST_MEMBERS] if (one := _group(raw)) is not None]
    devices = [one for one in model.members.values() if not one.is_group]
    return structs.replace(model, members=_members(devices, groups))


def renamed(model: Model, answer: Any) -> Model | None:
    """The model after an answer ``bridge/response/…/rename``; None: it renames nobody."""
    data = answer.get("data") if isinstance(answer, dict) and answer.get("status") == "ok" else None
    if not isinstance(data, dict) or not isinstance(data.get("from"), str):
        return None
    member, name = model.members.get(data["from"]), _name(data.get("to"))
    if member is None or not name:
        return None
    others = (one for one in model.members.values() if one.name not in (member.name, name))
    return structs.replace(model, members=_sorted([*others, structs.replace(member, name=name)]))


def _sorted(members: Iterable[Member]) -> dict[str, Member]:
    """By name, devices before groups."""
    return {one.name: one for one in sorted(members, key=lambda one: one.is_group)}


def _members(devices: Iterable[Member], groups: Iterable[Member]) -> dict[str, Member]:
    """All by name; a device's name is never a group's."""
    found = {one.name: one for one in devices}
    by_child = {one.child: one for one in found.values()}
    for group in groups:
        found.setdefault(group.name, structs.replace(group, features=_shared(group, by_child)))
    return found


def _shared(group: Member, devices: Mapping[str, Member]) -> tuple[Feature, ...]:
    """What all of a group's devices that are known can be told: only that does a group take."""
    known = [devices[child].by_metric for child in group.members if child in devices]
    if not known:
        return ()
    shared = set.intersection(*(set(one) for one in known))
    settable = (one for one in known[0].values() if one.metric in shared and one.is_settable and one.of in _OF_GROUPS)
    return tuple(structs.replace(one, access=one.access & ~GET) for one in settable)


def _exposed(definition: _Definition | None) -> tuple[Feature, ...]:
    return features_in(bytes(definition.exposes)) if definition else ()


def _device(raw: Any) -> Member | None:
    if not isinstance(raw, dict):
        return None
    found = raw.get("definition")
    definition: dict[str, Any] = found if isinstance(found, dict) else {}
    of_model = _Definition(definition.get("vendor"), definition.get("model"))
    listed = _Listed(**{name: raw.get(name) for name in _FIELDS}, definition=of_model)
    return _member(listed, features(definition.get("exposes")))


def _member(listed: _Listed, exposed: tuple[Feature, ...]) -> Member | None:
    """None: it is no device that can be spoken of."""
    if listed.type in _NO_MEMBERS:
        return None
    address, name = label(listed.ieee_address), _name(listed.friendly_name)
    if not (address and name):
        return None
    definition = listed.definition or _Definition()
    return Member(
        child=key_part(address),
        name=name,
        manufacturer=label(definition.vendor) or label(listed.manufacturer),
        model=label(definition.model) or label(listed.model_id),
        firmware=label(listed.software_build_id, 64),
        sleepy=listed.power_source == "Battery" or listed.type == "EndDevice",
        features=exposed,
    )


def _group(raw: Any) -> Member | None:
    if not isinstance(raw, dict) or type(raw.get("id")) is not int or not (name := _name(raw.get("friendly_name"))):
        return None
    listed = raw.get("members")
    members = listed if isinstance(listed, list) else []
    addresses = (label(one.get("ieee_address")) for one in members[:_MOST_GROUPED] if isinstance(one, dict))
    return Member(
        child=key_part(f"group.{raw['id']}"),
        name=name,
        members=tuple(key_part(address) for address in addresses if address),
    )


def _name(name: Any) -> str:
    """A friendly name as it stands in topics; empty: none that a topic can have, or one of the bridge's own."""
    if not isinstance(name, str) or len(name) > 512 or set(name) & set("+#\0") or label(name, 512) != name:
        return ""
    return "" if name.split("/", 1)[0] == "bridge" else name
