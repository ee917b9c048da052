"""What is remembered of an edge node: its births, and how far its messages have come."""

from typing import Final

from msgspec import Struct

NODE: Final = ""  # the edge node among its devices
MOST_METRICS: Final = 200  # of a device, by order of birth; further ones are left out
MOST_ALIASES: Final = 20_000  # of a node with its devices
MOST_DEVICES: Final = 1_000
CONTROLS: Final = ("Node Control/", "Device Control/")
PROPERTIES: Final = "Properties/"
REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"


class Metric(Struct, frozen=True, omit_defaults=True, array_like=True):
    """A metric as its birth described it."""

    datatype: int
    unit: str = ""
    low: float | None = None
    high: float | None = None
    label: str = ""
    is_writable: bool = True


class Table(Struct, frozen=True, omit_defaults=True):
    """What a node or a device was born with."""

    metrics: dict[str, Metric] = {}  # by name, in the order of birth
    left_out: int = 0  # how many more there are
    alive: bool = True
    awaited: bool = False  # the node was born anew, the device not yet
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


class Node(Struct, frozen=True, omit_defaults=True):
    """An edge node: what rarely changes."""

    group: str = ""
    node: str = ""
    tables: dict[str, Table] = {}  # by device
    aliases: dict[int, tuple[str, str]] = {}  # device and metric; no metric: it is left out


class Live(Struct, frozen=True, omit_defaults=True):
    """How far it has come: what each message changes."""

    born: bool = False
    bd_seq: int = -1  # of the birth; -1: it said none
    seq: int = -1  # of the last message
    unsure: bool = False  # messages may be lost: one out of sequence is not believed
    silent_ms: int = 0  # when it is asked to be born again if it has said nothing by then; 0: it isn't
    awaited_ms: int = 0  # since when devices are awaited; 0: none is
    wanted_ms: int = 0  # since when it is to be born again; 0: it isn't
    asked_ms: int = 0  # when it was asked for last
    tries: int = 0  # how often since its last birth


def with_table(node: Node, device: str, table: Table) -> Node:
    """The node once a device is like this."""
    return Node(node.group, node.node, {**node.tables, device: table}, node.aliases)
