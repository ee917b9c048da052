"""Tables of the browser bank. Who writes what:

access       sites, memberships, API tokens             web and commands
alerts       rules                                      web and commands; alerts and how far rules are: shard workers
people       preferences, saved views, boards, tickets  web
registry     devices, their tags                        shard workers; provisioning (passwords)
state        twins, readings, rollups, events, quarantine        shard workers only: the single writer of their devices
changes      what has changed of devices, one by one     shard workers
followers    who follows readings, and their log          followers; shard workers
listening    what people wanted to hear on the broker, and what was heard  web asks, gateways write
sources      what dialects remember of sources, and the filters that these want  shard workers
handlers     handlers of apps: how far each is, what it keeps and holds   run_handlers; web pauses, begins anew
requests     changes asked for, commands; imports       web and commands insert, shard workers carry out
streams      where clients of event streams stand       web
shards       ownership, cursors, recent deliveries, ledger, what was rejected  shard workers
"""

from devices.models.access import ApiToken, Membership, Role, Site
from devices.models.alerts import Alert, AlertProgress, AlertRule, AlertRuleVersion
from devices.models.changes import Change
from devices.models.followers import Follower, LoggedReadings
from devices.models.handlers import (
    Handler,
    HandlerCursor,
    HandlerDevice,
    HandlerItem,
    HandlerRunner,
    HandlerTask,
)
from devices.models.listening import Heard, HeardMessage, Listening
from devices.models.mappings import CalculatedMetric, Mapping
from devices.models.people import Board, SavedView, Ticket, UserPreferences
from devices.models.registry import BlockedKey, Device, DeviceTag, RetiredKey, TagDefault
from devices.models.requests import Command, Import, ImportPiece, ImportPosition, Request
from devices.models.shards import Installation, LedgerCount, LinkCursor, RecentDeliveries, Rejected, ShardState, Worker
from devices.models.sources import DialectLogin, Source, SourceFilter
from devices.models.state import Description, Event, Quarantined, Reading, Rollup, RollupState, Twin
from devices.models.streams import StreamPosition

__all__ = [
    "Alert",
    "AlertProgress",
    "AlertRule",
    "AlertRuleVersion",
    "ApiToken",
    "BlockedKey",
    "Board",
    "CalculatedMetric",
    "Change",
    "Command",
    "Description",
    "Device",
    "DeviceTag",
    "DialectLogin",
    "Event",
    "Follower",
    "Handler",
    "HandlerCursor",
    "HandlerDevice",
    "HandlerItem",
    "HandlerRunner",
    "HandlerTask",
    "Heard",
    "HeardMessage",
    "Import",
    "ImportPiece",
    "ImportPosition",
    "Installation",
    "LedgerCount",
    "LinkCursor",
    "Listening",
    "LoggedReadings",
    "Mapping",
    "Membership",
    "Quarantined",
    "Reading",
    "RecentDeliveries",
    "Rejected",
    "Request",
    "RetiredKey",
    "Role",
    "Rollup",
    "RollupState",
    "SavedView",
    "ShardState",
    "Site",
    "Source",
    "SourceFilter",
    "StreamPosition",
    "TagDefault",
    "Ticket",
    "Twin",
    "UserPreferences",
    "Worker",
]
