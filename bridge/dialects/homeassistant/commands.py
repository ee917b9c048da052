"""Commands: what is settable is told on its entity's topics, an action is its payload.

Where an entity reports what it is told, that is the proof; where it doesn't (optimistic ones, buttons) nothing is.
"""

from typing import Any, Final

import msgspec

from bridge.dialects.dialect import Command, Publication, Refused, Rendered
from bridge.dialects.forms.numbers import written
from bridge.dialects.forms.settable import arguments, refusal, unknown
from bridge.dialects.homeassistant.described import entities_of, property_of, reported
from bridge.dialects.homeassistant.model import Entity, Feature, Model, Order, Told
from bridge.dialects.homeassistant.templates.template import NotUnderstood, template
from bridge.dialects.homeassistant.templates.values import TemplateError
from bridge.observations import Scalar

_WAIT_MS: Final = 60_000
_MOST_BYTES: Final = 64 * 1024


def render(model: Model, child: str, command: Command) -> Rendered | Refused:
    """A command to a device."""
    args = arguments(command.args)
    if isinstance(args, Refused):
        return args
    entities = entities_of(model, child)
    if command.name == "set":
        return _set(entities, args, command)
    for entity in entities:
        for told in entity.actions:
            if entity.name_of(told.name) == command.name:
                return _action(entity, told, args, command)
    return Refused("unknown_command", command.name[:64])


def _action(entity: Entity, told: Told, args: dict[str, Any], command: Command) -> Rendered | Refused:
    if set(args) - {told.argument}:
        return unknown(list(args))
    value = args.get(told.argument, "") if told.argument else told.payload
    if not isinstance(value, str):
        return Refused("bad_args", f"{told.argument} is to be a text")
    payload = _payload(told.order, value)
    if isinstance(payload, Refused):
        return payload
    publication = _publication(told.order.topic, payload, entity, command)
    if not reported(entity, told.shown_by):
        return Rendered((publication,), ack="none", retry="once", wait_ms=_WAIT_MS)
    shown = (entity.name_of(told.shown_by),)
    return Rendered((publication,), ack="echo", retry="once", answered_by=shown, wait_ms=_WAIT_MS)


def _set(entities: list[Entity], args: dict[str, Any], command: Command) -> Rendered | Refused:
    by_metric = {entity.name_of(one.name): (entity, one) for entity in entities for one in entity.features if one.order}
    if not args:
        return Refused("bad_args", "there is nothing to set")
    publications: list[Publication] = []
    objects: dict[str, tuple[Entity, dict[str, Any]]] = {}
    chosen: list[tuple[Entity, Feature, Any]] = []
    for metric, value in args.items():
        if metric not in by_metric:
            return unknown([metric])
        entity, feature = by_metric[metric]
        if refused := refusal(property_of(entity, feature), value):
            return refused
        chosen.append((entity, feature, value))
        assert feature.order is not None
        if feature.order.member:
            word = _word(feature.order, value)
            objects.setdefault(feature.order.topic, (entity, {}))[1][feature.order.member] = word
            continue
        payload = _payload(feature.order, value)
        if isinstance(payload, Refused):
            return payload
        publications.append(_publication(feature.order.topic, payload, entity, command))
    for topic, (entity, members) in objects.items():
        state = {"state": "ON"} if entity.component == "light" else {}
        publications.append(_publication(topic, msgspec.json.encode(state | members), entity, command))
    return _proof(publications, chosen, is_object=bool(objects))


def _proof(publications: list[Publication], chosen: list[tuple[Entity, Feature, Any]], *, is_object: bool) -> Rendered:
    """How the end is known: by the values, if all of them are reported."""
    if not all(reported(entity, feature.name) for entity, feature, _ in chosen):
        return Rendered(tuple(publications), ack="none", retry="once", wait_ms=_WAIT_MS)
    expect: dict[str, Scalar] = {}
    near: list[str] = []
    for entity, feature, value in chosen:
        name = entity.name_of(feature.name)
        if feature.kind == "json":
            near += [f"{name}.{member}" for member in value] if isinstance(value, dict) else [name]
        else:
            expect[name] = value
    return Rendered(
        tuple(publications),
        ack="echo",
        retry="once" if is_object else "until_ack",
        expect=expect,
        answered_by=() if expect else tuple(near),
        wait_ms=_WAIT_MS,
    )


def _payload(order: Order, value: Any) -> bytes | Refused:
    """What is published for a value."""
    word = _word(order, value)
    if not order.template:
        return _text(word).encode()
    found = template(order.template)
    try:
        if isinstance(found, NotUnderstood):
            raise TemplateError(found.reason)  # noqa: TRY301 - one refusal for all
        rendered = found.render({"value": word}).encode(errors="replace")
    except TemplateError as error:
        return Refused("bad_template", str(error)[:200])
    return rendered if len(rendered) <= _MOST_BYTES else Refused("bad_template", "it makes too much of the value")


def _word(order: Order, value: Any) -> Any:
    if isinstance(value, bool):
        return (order.on if value else order.off) or value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _text(word: Any) -> str:
    if isinstance(word, bool | dict | list):
        return msgspec.json.encode(word).decode()
    return written(word) if isinstance(word, int | float) else str(word)


def _publication(topic: str, payload: bytes, entity: Entity, command: Command) -> Publication:
    return Publication(topic, payload, retain=entity.retain, expires_ms=command.expires_ms)
