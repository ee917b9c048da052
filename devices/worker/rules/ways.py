"""How a command in another dialect than Causeway's goes its way: how its end is known, whether it may be sent again.

Pure. Native commands have no way of their own: they are sent until the device acknowledges them by their id. But for
actions of which the device's description says something else: those go like others'.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct, json, structs

from bridge.descriptions import Ack, Retry
from bridge.dialects.dialect import Command, Rendered
from bridge.observations import Scalar

MAX_PUBLICATIONS: Final = 20  # a command
_MOST_WAITED_MS: Final = 60_000  # for an echo, or for nothing, of a native command
_MAX_WAIT_MS: Final = 7 * 86_400_000


class Manner(NamedTuple):
    """What a device is said to do with an action."""

    ack: Ack
    retry: Retry


class Way(Struct, frozen=True, omit_defaults=True):
    """What was known of a command's way when it was rendered first. Stored with it."""

    ack: Ack = "exact"
    once: bool = False  # it is never published a second time
    answer_to: str = ""
    expect: Mapping[str, Scalar] = {}
    answered_by: tuple[str, ...] = ()
    wait_ms: int = 0  # of what is answered by nothing exact: without an echo for so long it is unconfirmed
    count: int = 1  # publications
    published_ms: int = 0  # Unix ms; it may have been published since then; 0: surely not

    @property
    def ends_ms(self) -> int | None:
        """When it is unconfirmed; None: by its expiry, as it was not published yet, or is answered exactly."""
        return self.published_ms + self.wait_ms if self.published_ms and self.ack != "exact" else None


def way_of(rendered: Rendered) -> Way:
    """The way of a command just rendered."""
    retry: Retry = rendered.retry
    return Way(
        rendered.ack,
        retry == "once",
        rendered.answer_to,
        dict(rendered.expect),
        tuple(rendered.answered_by),
        0 if rendered.ack == "exact" else max(1, min(rendered.wait_ms, _MAX_WAIT_MS)),
        len(rendered.publications),
    )


def in_manner(rendered: Rendered, manner: Manner, command: Command, now_ms: int) -> Rendered:
    """A native command as its device is said to answer it, and to be told of it: an echo reports its arguments."""
    expect = json.decode(command.args) if manner.ack == "echo" else {}
    return structs.replace(
        rendered,
        ack=manner.ack,
        retry=manner.retry,
        expect={name: value for name, value in expect.items() if not isinstance(value, dict | list)},
        wait_ms=max(1, min(_MOST_WAITED_MS, command.expires_ms - now_ms)),
    )
