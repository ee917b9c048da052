"""What a broker has to allow for dialects to work, as lines of Mosquitto's ACL file. Pure.

The gateway reads what devices publish and publishes what they read; devices the other way round.
"""

from collections.abc import Iterable, Sequence

from bridge.dialects.builtin import FACTORIES, NATIVE_NAME, Enabled, built_in
from bridge.dialects.dialect import NATIVE, Dialect
from bridge.dialects.native.control_topics import CONTROLS


def gateway_lines(dialects: Iterable[Dialect]) -> list[str]:
    """What the gateway's user needs for them."""
    return _lines(dialects, mine="read", theirs="write")


def device_lines(dialects: Iterable[Dialect]) -> list[str]:
    """What a user needs who is all their devices."""
    return _lines(dialects, mine="write", theirs="read")


def login_lines(enabled: Iterable[Enabled], name: str, site: str, topic_root: str) -> list[str]:
    """What a login needs that may speak one dialect at one site, and nothing else: none of Causeway's own topics.

    Args:
        enabled: the dialects that are spoken.
        name: of the dialect, as the setting DIALECTS has it.
        site: where; all bases there are the login's.
        topic_root: the first level of Causeway's own topics.

    Raises:
        ValueError: the dialect is not spoken at the site; the text says which are.
    """
    if name == NATIVE_NAME or name not in FACTORIES:
        raise ValueError(f"--dialect: one of {', '.join(one for one in FACTORIES if one != NATIVE_NAME)}")
    spoken = {one.name: one for one in enabled}
    bases = tuple(base for base in spoken[name].bases if base.site == site) if name in spoken else ()
    if not bases:
        raise ValueError(f"DIALECTS has no {name} at the site {site!r}")
    return [f"topic deny {topic_root}/#", *device_lines(built_in((Enabled(name, bases),), topic_root))]


def compose_acl(enabled: Sequence[Enabled], topic_root: str) -> str:
    """The part of Mosquitto's ACL file that follows from DIALECTS: the gateway's, and of a house that shares a login.

    Causeway's own dialect has its rights in mosquitto/acl. What Home Assistant may say to devices, none of them may.
    """
    others = [one for one in built_in(enabled, topic_root) if one.name != NATIVE]
    if not others:
        return ""
    spoken_by_devices = [one for one in others if one.name != CONTROLS]
    parts = (("gateway", gateway_lines(others)), ("fleet", device_lines(spoken_by_devices)))
    return "\n".join("\n".join((f"user {user}", *lines, "")) for user, lines in parts if lines)


def _lines(dialects: Iterable[Dialect], *, mine: str, theirs: str) -> list[str]:
    found: dict[str, None] = {}
    for dialect in dialects:
        found |= dict.fromkeys(f"topic {mine} {one.topic_filter}" for one in dialect.filters())
        found |= dict.fromkeys(f"topic {theirs} {one}" for one in dialect.downlinks())
    return [line for line in found if line.isprintable()]  # no base breaks a line
