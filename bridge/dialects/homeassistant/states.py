"""What a state topic says of an entity: values by kind and words, objects, events. Nothing raises."""

import re
from itertools import islice
from typing import Any, Final

from bridge.dialects.forms.numbers import number_in
from bridge.dialects.homeassistant.model import Entity, Feature
from bridge.dialects.homeassistant.templates.template import NotUnderstood, template
from bridge.dialects.homeassistant.templates.values import TemplateError
from bridge.json_limits import MalformedError, decode_json
from bridge.json_values import Sieve
from bridge.observations import EventReported, Scalar

NOTHING: Final = object()  # the message says nothing of a feature
_UNKNOWN: Final = "None"  # Home Assistant's payload for it
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_EVENT_CHARS: Final = 64


class Payload:
    """A payload, read as text and as JSON once for all entities on its topic."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.text = content.decode(errors="replace")
        self._content = content
        self._json: Any = NOTHING
        self._is_read = False
        self._flat: dict[str, Scalar] | None = None

    def json(self) -> Any:
        """Its JSON value; NOTHING: it is none."""
        if not self._is_read:
            self._is_read = True
            try:
                self._json = decode_json(self._content)
            except MalformedError:
                self._json = NOTHING
        return self._json

    def flat(self) -> dict[str, Scalar]:
        """The scalars of its JSON object by their names; none: it is too deep."""
        if self._flat is None:
            self._flat = _flattened(self.json(), self.size)
        return self._flat

    def rendered(self, source: str) -> str | None:
        """What a template makes of it; None: nothing."""
        if not source:
            return self.text
        found = template(source)
        if isinstance(found, NotUnderstood):
            return None
        value = self.json()
        variables: dict[str, Any] = {"value": self.text}
        if value is not NOTHING:
            variables["value_json"] = value
        try:
            return found.render(variables)
        except TemplateError:
            return None


def metrics(entity: Entity, feature: Feature, payload: Payload, most: int) -> dict[str, Any]:
    """The values that a payload has for a feature, by their metrics; perhaps none, of an object at most so many."""
    text = payload.rendered(feature.template)
    if text is None:
        return {}
    if feature.form == "object":
        return _object(entity, feature, text, payload, most)
    value = _value(feature, text)
    return {} if value is NOTHING else {entity.name_of(feature.name): value}


def _object(entity: Entity, feature: Feature, text: str, payload: Payload, most: int) -> dict[str, Any]:
    """An object's members as values, those that are features of the entity as such."""
    value = payload.json() if not feature.template else _parsed(text)
    if not isinstance(value, dict):
        is_version = entity.component == "update" and text
        return {entity.name_of("installed_version"): text} if is_version else {}
    prefix = entity.name_of(feature.name)
    found = _flattened(value, payload.size) if feature.template else payload.flat()
    by_name = {one.name: one for one in entity.features if not one.topic}
    said = {name: _member(by_name.get(name), one) for name, one in islice(found.items(), most)}
    return {f"{prefix}.{name}": one for name, one in said.items() if one is not NOTHING}


def _flattened(value: Any, size: int) -> dict[str, Scalar]:
    try:
        return Sieve(size).flattened(value)
    except MalformedError:
        return {}


def _member(feature: Feature | None, value: Scalar) -> Any:
    return _value(feature, value) if feature is not None and isinstance(value, str) else value


def _parsed(text: str) -> Any:
    try:
        return decode_json(text.encode(errors="replace"))
    except MalformedError:
        return None


def _value(feature: Feature, text: str) -> Any:
    """A value by its feature's kind; a word that Home Assistant would not know says nothing."""
    if text == _UNKNOWN:
        return None
    match feature.kind:
        case "number":
            return number_in(text.strip()) if text.strip() else NOTHING
        case "boolean":
            return True if text == feature.on else False if text == feature.off else NOTHING
    return feature.words.get(text, text) if text else NOTHING


def event(entity: Entity, feature: Feature, payload: Payload) -> EventReported | None:
    """What happened; None: nothing."""
    text = payload.rendered(feature.template)
    if not text:
        return None
    if feature.form == "trigger":
        if feature.on and text != feature.on:
            return None
        data: dict[str, Any] = {"subtype": feature.values[0]} if feature.values else {}
        return EventReported(_event_name(feature.name), data)
    value = payload.json() if not feature.template else _parsed(text)
    if entity.component == "tag":
        return EventReported("tag", {"tag": Sieve(payload.size).scalar(text, "tag")})
    sieve = Sieve(payload.size)
    if isinstance(value, dict) and isinstance(value.get("event_type"), str):
        rest = {key: one for key, one in value.items() if key != "event_type"}
        try:
            return EventReported(_event_name(value["event_type"]), _storable(sieve, {"entity": entity.metric, **rest}))
        except MalformedError:
            return None
    return EventReported(_event_name(text), {"entity": entity.metric}) if _is_word(text) else None


def _storable(sieve: Sieve, value: dict[str, Any]) -> Any:
    sieve.flattened(value)  # too deep?
    return sieve.storable(value)


def _is_word(text: str) -> bool:
    return len(text) <= _EVENT_CHARS and text[:1] not in "{["


def _event_name(text: str) -> str:
    """An event's name that is one."""
    name = _NO_NAME.sub("_", text)[:_EVENT_CHARS]
    return name if name.strip(".") else "event"
