"""An entity from what was announced of it: what it reports, what it can be told, whether it is available."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import structs

from bridge.descriptions import Kind
from bridge.dialects.forms.texts import choices, label, number
from bridge.dialects.homeassistant import components
from bridge.dialects.homeassistant.abbreviations import lengthened, with_base
from bridge.dialects.homeassistant.components import ACTIONS, VALUES, Default, Value
from bridge.dialects.homeassistant.configs import Discovered
from bridge.dialects.homeassistant.model import Availability, Entity, Feature, Order, Told
from bridge.dialects.homeassistant.objects import objects
from bridge.dialects.homeassistant.templates.template import NotUnderstood, template
from bridge.dialects.homeassistant.templates.tokens import MOST_CHARS
from bridge.dialects.homeassistant.topics import Guard

_MOST_AVAILABILITY: Final = 8
_MODES: Final[dict[Any, Literal["latest", "all", "any"]]] = {"all": "all", "any": "any"}
_TEMPERATURES: Final = {"C": "°C", "F": "°F"}
_REFUSED_ORDER: Final = "it is told on a topic that is not allowed"


class ForeignTopicError(Exception):
    """An entity reports on a topic that is never read."""


def entity(one: Discovered, device: str, guard: Guard) -> Entity:
    """The entity.

    Raises:
        ForeignTopicError: one of its topics is never read.
    """
    options = one.options
    found = Entity(
        device=device,
        metric=one.metric,
        component=one.component,
        label=label(options.get("name")),
        device_class=label(options.get("device_class"), 64),
        state_class=label(options.get("state_class"), 32),
        diagnostic=options.get("entity_category") in ("diagnostic", "config"),
        retain=options.get("retain") is True,
        features=tuple(_features(one, guard)),
        actions=tuple(_actions(one, guard)),
        availability=tuple(_availability(options)),
        mode=_MODES.get(_hashable(options.get("availability_mode")), "latest"),
        expire_s=int(number(options.get("expire_after")) or 0),
    )
    if any(guard.refuses_reading(topic) for topic in found.topics()):
        raise ForeignTopicError
    return found


def _features(one: Discovered, guard: Guard) -> Iterator[Feature]:
    options, listed = one.options, objects(one)
    if listed is None:
        listed = [_feature(one, value) for value in VALUES.get(one.component, ()) if _is_there(value, options)]
    for feature in listed:
        yield _checked(feature, guard)
    attributes, state = text_of(options, "json_attributes_topic"), text_of(options, "state_topic")
    if attributes and attributes != state:  # else all that the state has would come a second time
        template_ = text_of(options, "json_attributes_template", MOST_CHARS + 1)
        yield _checked(Feature("attr", "json", "object", attributes, template_), guard)


def _is_there(value: Value, options: dict[str, Any]) -> bool:
    return bool(text_of(options, value.state) or text_of(options, value.command))


def _feature(one: Discovered, value: Value) -> Feature:
    options, topic = one.options, text_of(one.options, value.command)
    on, off = _word(options, value.on), _word(options, value.off)
    order = None
    if topic:
        order = Order(topic, text_of(options, value.command_template, MOST_CHARS + 1), on, off)
    kind, is_boolean = _kind(one, value), value.kind == "boolean"
    return Feature(
        name=value.name,
        kind=kind,
        topic=text_of(options, value.state),
        template=text_of(options, value.template, MOST_CHARS + 1),
        on=label(options.get("state_on")) or on if is_boolean else "",
        off=label(options.get("state_off")) or off if is_boolean else "",
        words=_words(value, options),
        unit=_unit(one, value, kind),
        low=_limit(options, value.low) if kind == "number" else None,
        high=_limit(options, value.high) if kind == "number" else None,
        step=_limit(options, value.step) if kind == "number" else None,
        values=_values(options, value.values) or (choices(options.get("options")) if kind == "enum" else ()),
        order=order,
    )


def _kind(one: Discovered, value: Value) -> Kind:
    """A sensor's is seen by what is said of its values, as Home Assistant does."""
    if one.component != "sensor":
        return value.kind
    measured = one.options.get("device_class")
    if measured == "enum" or one.options.get("options"):
        return "enum"
    says = components.NUMBERS & {key for key, option in one.options.items() if option is not None}
    if says or (isinstance(measured, str) and measured and measured not in components.NO_NUMBERS):
        return "number"
    return "text"


def _unit(one: Discovered, value: Value, kind: Kind) -> str:
    if one.component in ("sensor", "number") and kind == "number":
        return label(one.options.get("unit_of_measurement"), 16)
    if value.name == "position" and _limit(one.options, value.high) == 100:
        return "%"
    key, default = value.unit
    word = label(one.options.get(key), 16) if key else default
    return _TEMPERATURES.get(word, word)


def _limit(options: dict[str, Any], limit: Default) -> float | None:
    key, default = limit
    found = number(options.get(key)) if key else None
    return number(default) if found is None else found


def _values(options: dict[str, Any], values: Default) -> tuple[str, ...]:
    key, default = values
    return choices(options.get(key)) if key in options else tuple(default)


def _word(options: dict[str, Any], word: Default) -> str:
    """A payload; booleans and numbers as Home Assistant writes them."""
    key, default = word
    found = options.get(key)
    return str(found) if isinstance(found, bool) else label(found) or default


def _words(value: Value, options: dict[str, Any]) -> dict[str, str]:
    """What is reported in place of Home Assistant's own words."""
    said = {word: label(options.get(f"state_{word}")) for word in value.words}
    return {text: word for word, text in said.items() if text and text != word}


def _checked(feature: Feature, guard: Guard) -> Feature:
    """Without a template that isn't understood, or an order on a topic that isn't allowed."""
    note, order = feature.note, feature.order
    if feature.template and isinstance(bad := template(feature.template), NotUnderstood):
        note = f"template not understood: {bad.reason}: {feature.template[:80]}"
    if order is not None and guard.refuses_telling(order.topic):
        note, order = _REFUSED_ORDER, None
    elif order is not None and order.template and isinstance(bad := template(order.template), NotUnderstood):
        note, order = f"template not understood: {bad.reason}: {order.template[:80]}", None
    if note == feature.note and order is feature.order:
        return feature
    return structs.replace(feature, note=note, order=order)


def _actions(one: Discovered, guard: Guard) -> Iterator[Told]:
    for told in ACTIONS.get(one.component, ()):
        topic = text_of(one.options, told.command)
        template_ = text_of(one.options, told.template, MOST_CHARS + 1)
        is_meant = not told.payload[0] or one.options.get(told.payload[0], "") is not None  # null: it can't do that
        if not topic or not is_meant or guard.refuses_telling(topic):
            continue
        if template_ and isinstance(template(template_), NotUnderstood):
            continue
        payload = _word(one.options, told.payload)
        yield Told(told.name, Order(topic, template_), payload, told.argument, told.shown_by)


def _availability(options: dict[str, Any]) -> Iterator[Availability]:
    listed = options.get("availability")
    several = [lengthened(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not several and options.get("availability_topic"):
        words = {key: options.get(key) for key in ("payload_available", "payload_not_available")}
        template_ = options.get("availability_template")
        several = [{"topic": options["availability_topic"], **words, "value_template": template_}]
    for one in several[:_MOST_AVAILABILITY]:
        based = with_base(one, options.get("~"))
        topic, source = text_of(based, "topic"), text_of(based, "value_template", MOST_CHARS + 1)
        if topic and not (source and isinstance(template(source), NotUnderstood)):
            yes = _word(based, ("payload_available", "online"))
            yield Availability(topic, yes, _word(based, ("payload_not_available", "offline")), source)


def text_of(options: dict[str, Any], key: str, most_chars: int = 512) -> str:
    """An option that is a text, or an empty one; one that is too long stays too long."""
    value = options.get(key) if key else None
    return value[: most_chars + 1] if isinstance(value, str) else ""


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str) else None
