"""What operators see, as types: for the API's documentation what its answers are."""

from typing import Literal

from ninja import Schema
from pydantic import Field


class GatewayAccount(Schema):
    """A gateway's part of the ledger: what never reached a shard, and what is on its way."""

    name: str
    rejected: int = Field(description="nobody's")
    dropped: int = Field(description="QoS 0 only")
    in_flight: int


class ShardAccount(Schema):
    """A shard's part of the ledger. ``received`` is the sum of the others, unless something is wrong."""

    shard: int
    received: int = Field(description="counted by the gateways; those in flight included")
    applied: int = Field(description="counted by the workers, like the next three")
    duplicate: int
    quarantined: int
    rejected: int
    in_flight: int


class Ledger(Schema):
    """What became of all deliveries by the broker, ever. ``received`` is the sum of the next six."""

    received: int = Field(description="counted by the gateways")
    applied: int
    duplicate: int = Field(description="delivered again by the broker though its effect was stored")
    quarantined: int
    rejected: int
    dropped: int = Field(description="QoS 0 only")
    in_flight: int
    balanced: bool = Field(description="in every shard, all that was received is accounted for")
    reasons: dict[str, dict[str, int]] = Field(description="quarantined and rejected ones by reason")
    gateways: list[GatewayAccount]
    shards: list[ShardAccount]


class OpsGateway(Schema):
    """A gateway, as its last beat left it."""

    name: str
    instance: str = Field(description="which process")
    alive: bool
    broker_up: bool
    since: int = Field(description="since when broker_up is what it is")
    lag_ms: int | None = Field(description="what the broker had so long ago is committed; null: not known")
    in_flight: int
    in_flight_limit: int = Field(description="at it, the broker waits")
    saturated_since: int = Field(description="since when it is at the limit; 0: it isn't")
    oldest_ms: int = Field(description="how long the oldest delivery waits to be committed")
    filters: list[str]


class OpsShard(Schema):
    """A shard and who works on it."""

    shard: int
    owner: str = Field(description="empty: nobody")
    alive: bool = Field(description="the owner's lease holds")
    since: int
    commits: int
    committed: int = Field(description="when something with an effect last was; 0: never")
    trouble: str = Field(description="why its worker commits nothing")
    rolled_until: int = Field(description="how far the device is rolled up that is farthest behind; 0: all are")
    rolling: int = Field(description="devices whose turn to be rolled up has come")


class OpsPart(Schema):
    """A part of the chain, as ``/readyz`` and the link frame have it, too."""

    state: Literal["up", "down", "unknown"]
    detail: str


class Incident(Schema):
    """Something that may have cost messages, between ``since`` and ``until``."""

    kind: str = Field(examples=["session_lost"])
    gateway: str
    since: int
    until: int
    count: int
    detail: str


class Refusals(Schema):
    """Connections that the web process which answers has turned away, its limit of open files being reached."""

    limit: int = Field(description="of open files")
    count: int
    last_ms: int = Field(description="Unix ms; 0: never")


class Overview(Schema):
    """What an operator sees of the whole installation."""

    now: int = Field(description="Unix ms")
    parts: dict[str, OpsPart] = Field(description="database, layer, gateway, broker, workers")
    fresh: bool = Field(description="values from devices reach the pages, measured from end to end")
    broker_up: bool
    broker_since: int
    broker_stored: int | None = Field(description="messages that the broker holds for all its clients, if it tells")
    gateways: list[OpsGateway]
    shards: list[OpsShard]
    presence: dict[str, int] = Field(description="devices by presence")
    commands: dict[str, int] = Field(description="unfinished ones by status")
    quarantine: int
    ledger: Ledger
    incidents: list[Incident] = Field(description="the newest first, at most 100")
    refusals: Refusals


class Rejected(Schema):
    """What was rejected on a topic for a reason."""

    topic: str = Field(description="its first 300 characters")
    reason: str
    count: int = Field(description="about: the ledger has the exact counts by reason")
    gateway: str = Field(description="which one; empty: a worker")
    first_at: str
    last_at: str
    payload: str = Field(description="of the last one, the first 256 bytes")
    encoding: Literal["utf-8", "base64"]


class RejectedPage(Schema):
    """A page of what was rejected."""

    items: list[Rejected]
    next: str | None
