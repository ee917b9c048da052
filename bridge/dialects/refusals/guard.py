"""What nothing may be published on, and nothing subscribed to, because a device said so. Pure.

Descriptions come from devices, but what is published has the gateway's rights: a device could have others told things
in our name (a confused deputy).
"""

from bridge.dialects.dialect import NATIVE, OwnDownlink, RejectedTopic, Route, Sorted
from bridge.dialects.native.control_topics import CONTROLS
from bridge.dialects.registry import Dialects
from bridge.topic_filters import topic_filter_error, topic_name_error

_SUFFIX_LEVEL = 3  # of Causeway's own topics: root, site, device, what kind of payload


def publish_error(dialects: Dialects, name: str, topic: str) -> str | None:
    """Why the dialect called ``name`` may not publish on a topic; None: it may.

    No topic name, a system topic, one of Causeway's own, or one on which another dialect commands its devices.
    """
    if topic_name_error(topic):
        return "no_topic_name"
    if reserved := _reserved(dialects, topic.partition("/")[0]):
        return reserved
    speaks = dialects.by_name.get(name)
    if speaks and isinstance(speaks.route(topic), OwnDownlink):
        return None
    others = (one for one in dialects if one.name != name)
    return "command_topic" if any(_commands(one.route(topic)) for one in others) else None


def filter_error(dialects: Dialects, topic_filter: str) -> str | None:
    """Why nobody's source may have this filter subscribed to; None: it may.

    No filter, ``#``, a system topic, whatever could match one of Causeway's own topics or a topic on which devices are
    commanded. ``+`` may stand for the first level only if the last one is a word.
    """
    if topic_filter_error(topic_filter):
        return "no_topic_filter"
    levels = topic_filter.split("/")
    if levels[-1] == "#" or (levels[0] == "+" and levels[-1] == "+"):
        return "too_wide"
    if reserved := _reserved(dialects, levels[0]):
        return reserved
    if levels[0] == "+" and _may_be_native(dialects, levels):
        return "native_topic"
    topic = "/".join("x" if level == "+" else level for level in levels)
    return "command_topic" if any(_commands(one.route(topic)) for one in dialects) else None


def _commands(found: Sorted | None) -> bool:
    """Whether devices are commanded on a topic: by us, or by us for Home Assistant."""
    return isinstance(found, OwnDownlink) or (isinstance(found, Route) and found.dialect == CONTROLS)


def _reserved(dialects: Dialects, first_level: str) -> str | None:
    if first_level.startswith("$"):
        return "system_topic"
    return "native_topic" if first_level == _root(dialects) else None


def _root(dialects: Dialects) -> str | None:
    native = dialects.by_name.get(NATIVE)
    return native.filters()[0].topic_filter.partition("/")[0] if native else None


def _may_be_native(dialects: Dialects, levels: list[str]) -> bool:
    """Whether a filter whose first level is ``+`` could bring a topic of Causeway's own."""
    root = _root(dialects)
    if root is None:
        return False
    if levels[_SUFFIX_LEVEL : _SUFFIX_LEVEL + 1] == ["+"]:
        return True
    topic = "/".join([root, *("x" if level == "+" else level for level in levels[1:])])
    return not isinstance(dialects.by_name[NATIVE].route(topic), RejectedTopic)
