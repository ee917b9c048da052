"""What the API says of topics that are nobody's."""

from typing import Literal

from ninja import Schema
from pydantic import ConfigDict, Field


class Listen(Schema):
    """What is to be heard."""

    model_config = ConfigDict(extra="forbid", strict=True)

    filter: str = Field(min_length=1, max_length=500, description="an MQTT topic filter; none of `$…`")
    minutes: int = Field(5, ge=1, le=10)


class HeardTopic(Schema):
    """A topic, with its last message."""

    topic: str
    count: int = Field(description="messages")
    payload: str = Field(description="of the last one, the first 4 KiB")
    encoding: Literal["utf-8", "base64"]
    payload_bytes: int = Field(description="of the whole")
    retained: bool = Field(description="the broker had it before; nothing came since")
    last_at: str
    dialect: str | None = Field(description="who takes it; null: nobody")
    source: str | None = Field(description="of which device, or of whom that speaks for several")
    reason: str | None = Field(description="why nobody takes it")


class Listening(Schema):
    """What was heard so far."""

    id: int
    filter: str
    status: Literal["waiting", "listening", "ended", "refused"]
    reason: str = Field(description="why it is refused, or has ended early")
    asked_at: str
    until_at: str
    messages: int
    more: int = Field(description="of these, on topics beyond the first 200, or 100 that somebody takes")
    limited: bool = Field(description="there were more than 1,000 a second: some were left out")
    items: list[HeardTopic] = Field(description="by topic")
