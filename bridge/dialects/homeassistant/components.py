"""What the components of Home Assistant report and take: tables, one line a value (home-assistant.io, MQTT pages)."""

from typing import Any, Final, NamedTuple

from bridge.descriptions import Kind

Default = tuple[str, Any]  # an option of the message, and what it is where the message hasn't it


class Value(NamedTuple):
    """One value of a component."""

    name: str
    kind: Kind
    state: str = ""  # the option with its topic
    template: str = ""
    command: str = ""
    command_template: str = ""
    low: Default = ("", None)
    high: Default = ("", None)
    step: Default = ("", None)
    values: Default = ("", ())
    on: Default = ("payload_on", "ON")  # what is told for true; reported, too, without ``state_on``
    off: Default = ("payload_off", "OFF")
    unit: Default = ("", "")
    words: tuple[str, ...] = ()  # options ``state_<word>`` that say what is reported for the word


class Told(NamedTuple):
    """One action of a component."""

    name: str
    command: str
    payload: Default
    template: str = ""
    argument: str = ""
    shown_by: str = ""


def _value(name: str, kind: Kind, of: str, **fields: Any) -> Value:
    """One whose options are called ``<of>_state_topic``, ``<of>_command_topic`` and so on."""
    template = fields.pop("template", f"{of}_state_template")
    return Value(name, kind, f"{of}_state_topic", template, f"{of}_command_topic", f"{of}_command_template", **fields)


_STATE: Final = ("state_topic", "value_template")
_BOTH: Final = (*_STATE, "command_topic", "command_template")
_ON_OFF: Final = Value("state", "boolean", "state_topic", "state_value_template", *_BOTH[2:])
_TEMPERATURE: Final = {"low": ("min_temp", 7), "high": ("max_temp", 35), "unit": ("temperature_unit", "")}
_HUMIDITY: Final = {"low": ("min_humidity", 0), "high": ("max_humidity", 100), "unit": ("", "%")}
_PRESET: Final = _value(
    "preset_mode", "enum", "preset_mode", template="preset_mode_value_template", values=("preset_modes", ())
)
_CURRENT: Final = (
    Value("current", "number", "current_temperature_topic", "current_temperature_template", unit=_TEMPERATURE["unit"]),
    Value("humidity", "number", "current_humidity_topic", "current_humidity_template", unit=("", "%")),
    Value("action", "text", "action_topic", "action_template"),
)
_COVER_WORDS: Final = ("open", "opening", "closed", "closing", "stopped")
_COVER: Final = (
    Value("state", "enum", *_STATE, values=("", _COVER_WORDS), words=_COVER_WORDS),
    Value("position", "number", "position_topic", "position_template", "set_position_topic", "set_position_template",
          low=("position_closed", 0), high=("position_open", 100)),
    Value("tilt", "number", "tilt_status_topic", "tilt_status_template", "tilt_command_topic", "tilt_command_template",
          low=("tilt_min", 0), high=("tilt_max", 100)),
)  # fmt: skip

VALUES: Final[dict[str, tuple[Value, ...]]] = {
    "sensor": (Value("", "text", *_STATE),),
    "binary_sensor": (Value("", "boolean", *_STATE),),
    "switch": (Value("", "boolean", *_BOTH),),
    "siren": (_ON_OFF,),
    "number": (Value("", "number", *_BOTH, low=("min", 1), high=("max", 100), step=("step", 1)),),
    "select": (Value("", "enum", *_BOTH, values=("options", ())),),
    "text": (Value("", "text", *_BOTH),),
    "device_tracker": (Value("", "text", *_STATE),),
    "light": (
        _ON_OFF,
        _value("brightness", "number", "brightness", template="brightness_value_template",
               low=("", 0), high=("brightness_scale", 255)),
        _value("color_temp", "number", "color_temp", template="color_temp_value_template",
               low=("min_mireds", 153), high=("max_mireds", 500)),
        _value("effect", "enum", "effect", template="effect_value_template", values=("effect_list", ())),
        _value("rgb", "text", "rgb", template="rgb_value_template"),
        _value("hs", "text", "hs", template="hs_value_template"),
        _value("xy", "text", "xy", template="xy_value_template"),
        Value("color_mode", "text", "color_mode_state_topic", "color_mode_value_template"),
    ),
    "cover": _COVER,
    "valve": _COVER,
    "fan": (
        _ON_OFF,
        _value("percentage", "number", "percentage", template="percentage_value_template",
               low=("", 0), high=("speed_range_max", 100)),
        _PRESET,
        _value("oscillation", "boolean", "oscillation", template="oscillation_value_template",
               on=("payload_oscillation_on", "oscillate_on"), off=("payload_oscillation_off", "oscillate_off")),
        _value("direction", "enum", "direction", template="direction_value_template",
               values=("", ("forward", "reverse"))),
    ),
    "climate": (
        _value("mode", "enum", "mode",
               values=("modes", ("auto", "off", "cool", "heat", "dry", "fan_only"))),
        _value("target", "number", "temperature", **_TEMPERATURE, step=("temp_step", 1)),
        _value("target_low", "number", "temperature_low", **_TEMPERATURE, step=("temp_step", 1)),
        _value("target_high", "number", "temperature_high", **_TEMPERATURE, step=("temp_step", 1)),
        _value("target_humidity", "number", "target_humidity", **_HUMIDITY),
        _value("fan_mode", "enum", "fan_mode", values=("fan_modes", ("auto", "low", "medium", "high"))),
        _value("swing_mode", "enum", "swing_mode", values=("swing_modes", ("on", "off"))),
        _PRESET,
        _value("power", "boolean", "power"),
        *_CURRENT,
    ),
    "humidifier": (
        _ON_OFF,
        _value("target_humidity", "number", "target_humidity", **_HUMIDITY),
        _value("mode", "enum", "mode", values=("modes", ())),
        *_CURRENT,
    ),
    "water_heater": (
        _value("mode", "enum", "mode",
               values=("modes", ("off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance"))),
        _value("target", "number", "temperature", **_TEMPERATURE | {"low": ("min_temp", 43), "high": ("max_temp", 60)}),
        _value("power", "boolean", "power"),
        *_CURRENT,
    ),
    "lock": (Value("state", "enum", *_STATE, values=("", ("locked", "unlocked", "locking", "unlocking", "jammed")),
                   words=("locked", "unlocked", "locking", "unlocking", "jammed")),),
    "alarm_control_panel": (Value("state", "text", *_STATE),),
    "lawn_mower": (Value("activity", "text", "activity_state_topic", "activity_value_template"),),
    "update": (
        Value("latest_version", "text", "latest_version_topic", "latest_version_template"),
    ),
}  # fmt: skip

ACTIONS: Final[dict[str, tuple[Told, ...]]] = {
    "button": (Told("", "command_topic", ("payload_press", "PRESS"), "command_template"),),
    "scene": (Told("", "command_topic", ("payload_on", "ON")),),
    "notify": (Told("", "command_topic", ("", ""), "command_template", argument="message"),),
    "cover": tuple(
        Told(name, "command_topic", (f"payload_{name}", name.upper()), shown_by="state")
        for name in ("open", "close", "stop")
    ),
    "valve": tuple(
        Told(name, "command_topic", (f"payload_{name}", name.upper()), shown_by="state")
        for name in ("open", "close", "stop")
    ),
    "lock": tuple(
        Told(name, "command_topic", (f"payload_{name}", name.upper()), "command_template", shown_by="state")
        for name in ("lock", "unlock")
    ),
    "alarm_control_panel": tuple(
        Told(name, "command_topic", (f"payload_{name}", name.upper()), shown_by="state")
        for name in ("disarm", "arm_home", "arm_away", "arm_night")
    ),
    "vacuum": tuple(
        Told(name, "command_topic", (f"payload_{name}", name), shown_by="state")
        for name in ("start", "pause", "stop", "return_to_base", "locate", "clean_spot")
    ),
    "lawn_mower": tuple(
        Told(name, f"{name}_command_topic", ("", name), f"{name}_command_template", shown_by="activity")
        for name in ("start_mowing", "pause", "dock")
    ),
    "update": (Told("install", "command_topic", ("payload_install", "install")),),
}
EVENTS: Final = frozenset({"event", "device_automation", "tag"})
NEVER: Final = frozenset({"camera", "image"})  # pictures: never subscribed to
KNOWN: Final = frozenset({*VALUES, *ACTIONS, *EVENTS, *NEVER})
NUMBERS: Final = frozenset({"state_class", "unit_of_measurement", "suggested_display_precision"})
NO_NUMBERS: Final = frozenset({"date", "timestamp", "enum", "uptime"})  # device classes of sensors
