"""What the API says of how a device speaks."""

from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field


class Look(Schema):
    """How long its messages are to be heard."""

    model_config = ConfigDict(extra="forbid", strict=True)

    minutes: int = Field(5, ge=1, le=10)


class Message(Schema):
    """A message, as it came."""

    received_at: str
    topic: str
    payload: str = Field(description="its first 4 KiB")
    encoding: Literal["utf-8", "base64"]
    payload_bytes: int = Field(description="of the whole")
    retained: bool = Field(description="the broker had it before: it fills, and makes no reading")
    became: Literal["applied", "quarantined", "rejected", "unknown"] = Field(description="unknown: it is too long here")
    reason: str | None = Field(description="why it was not applied")
    says: list[str] = Field(description="of this device: telemetry, state, status, event, answer, description, …")
    metrics: dict[str, Any] = Field(description="the first twenty values that it brings this device")


class Speaks(Schema):
    """How a device speaks, and its last messages while somebody looked."""

    dialect: str
    source: str = Field(description="the key of whom its messages come from: itself, or a bridge")
    filters: list[str] = Field(description="its own topics, or its dialect's, as topic filters; the first fifty")
    status: Literal["none", "waiting", "listening", "ended", "refused"] = Field(description="none: nobody has looked")
    reason: str = Field(description="why it is refused, or has ended early")
    until_at: str | None
    limited: bool = Field(description="there were more than 1,000 a second: some were left out")
    items: list[Message] = Field(description="the newest first, at most fifty")
    next: None
