"""The JSON of calculated metrics: what requests must be, what answers are."""

from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from devices.web.alerts.schemas import ScopeIn
from devices.web.api.schemas import Input


class CalculatedIn(Input):
    """A metric that is calculated. What was read may be sent back: the last five are passed over."""

    metric: str = Field(examples=["power"], description="its name; no device in its scope may send one of this name")
    expression: str = Field(
        examples=["voltage * current", 'integral(power, "1d") / 1000'], description="of other metrics of the device"
    )
    scope: ScopeIn | None = None
    kind: Literal["number", "boolean", "text"] = "number"
    unit: str = Field("", examples=["W"])
    note: str = ""
    enabled: bool = True
    id: Any = Field(None, exclude=True)
    version: Any = Field(None, exclude=True)
    created_at: Any = Field(None, exclude=True)
    created_by: Any = Field(None, exclude=True)
    changed_by: Any = Field(None, exclude=True)


class CalculatedOut(Schema):
    """One that is kept."""

    id: int
    version: int
    metric: str
    expression: str
    scope: dict[str, Any]
    kind: Literal["number", "boolean", "text"]
    unit: str
    note: str
    enabled: bool
    created_at: str
    created_by: str
    changed_by: str = Field(description="the author of this version")


class CalculatedList(Schema):
    """All that you may see, the oldest first."""

    items: list[CalculatedOut]
    next: None


class PreviewIn(Input):
    """A calculated metric that need not be kept, at which device, and when."""

    calculated: CalculatedIn
    device: str = Field(examples=["demo/lamp"])
    since: int = Field(description="Unix ms")
    until: int | None = Field(None, description="Unix ms; null: now")


class Preview(Schema):
    """What it would have come to, by time; null: that was not known."""

    ts: list[int]
    values: list[float | str | bool | None]
    readings: int = Field(description="that were looked at")
    cut: bool = Field(description="there are more: only the first are shown")
