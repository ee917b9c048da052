"""Cameras and zones of Frigate, as they are described: what they count, what can be switched."""

from typing import Final

from msgspec import Struct

from bridge.descriptions import Description, Property
from bridge.dialects.forms.seen import Kind

_STALE_AFTER_S: Final = 26 * 3_600  # a camera that sees nothing says nothing; Frigate itself has a will
# What can be switched, and what it is called here: "motion" alone is whether something moves.
SWITCHES: Final = {
    **{
        name: name for name in ("detect", "recordings", "snapshots", "audio", "improve_contrast", "birdseye", "enabled")
    },
    **{name: name for name in ("ptz_autotracker", "review_alerts", "review_detections")},
    "motion": "motion_detection",
}
SETTINGS: Final = {"motion_threshold": (1, 255), "motion_contour_area": (1, 1_000)}
FPS: Final = ("camera_fps", "process_fps", "skipped_fps", "detection_fps")


class Camera(Struct, frozen=True, omit_defaults=True):
    """A camera, or a zone."""

    name: str = ""
    metrics: dict[str, Kind] = {}


def description_of(camera: Camera, key: str, version: str) -> Description:
    """A camera's description. ``version``: of Frigate."""
    return Description(
        name=camera.name,
        via=key.partition("~")[0],
        properties=tuple(properties(camera)),
        stale_after_s=_STALE_AFTER_S,
        origin=f"Frigate {version}".strip(),
        dialect="frigate",
    )


def properties(camera: Camera) -> list[Property]:
    """Its metrics."""
    return [_property(metric, kind) for metric, kind in camera.metrics.items()]


def _property(metric: str, kind: Kind) -> Property:
    if kind == "b":
        is_switch = metric in SWITCHES.values()
        device_class = "switch" if is_switch else "motion"
        return Property(metric, kind="boolean", device_class=device_class, settable=is_switch)
    if metric in SETTINGS:
        low, high = SETTINGS[metric]
        return Property(metric, kind="number", low=low, high=high, step=1, settable=True)
    if metric in FPS:
        return Property(metric, kind="number", unit="1/s", state_class="measurement", diagnostic=True)
    return Property(metric, kind="number", state_class="measurement")
