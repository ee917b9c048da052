"""MQTT topic names and topic filters: validity, matching, overlap. MQTT 5.0 section 4.7.

``sport/+/player/#``: ``+`` stands for one whole level, ``#`` for any number of levels at the end
(also for none: ``sport/#`` matches ``sport``). Neither matches a first level that begins with ``$``.
"""

_MAX_TOPIC_BYTES = 65_535


def topic_name_error(topic: str) -> str | None:
    """Why ``topic`` is no topic name (MQTT-4.7.1-1, -4.7.3-1 … -3), or None when it is one."""
    if "+" in topic or "#" in topic:
        return "a topic name has no wildcards"
    return _string_error(topic)


def topic_filter_error(topic_filter: str) -> str | None:
    """Why ``topic_filter`` is no topic filter (MQTT-4.7.1-1, -2), or None when it is one."""
    levels = topic_filter.split("/")
    for position, level in enumerate(levels):
        if "#" in level and (level != "#" or position != len(levels) - 1):
            return "'#' stands alone and last"
        if "+" in level and level != "+":
            return "'+' stands alone in its level"
    return _string_error(topic_filter)


def _string_error(text: str) -> str | None:
    if not text:
        return "it is empty"
    if "\0" in text:
        return "it contains NUL"
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return "it contains a lone surrogate"
    return "it is over 65,535 bytes" if len(encoded) > _MAX_TOPIC_BYTES else None


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a valid topic filter matches a valid topic name."""
    if topic.startswith("$") and topic_filter[0] in "+#":
        return False
    wanted, have = topic_filter.split("/"), topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(have) or (level != "+" and level != have[position]):
            return False
    return len(wanted) == len(have)


def overlap(one: str, other: str) -> bool:
    """Whether some topic name matches both topic filters.

    A client that subscribes to both gets such a message once or twice, as the broker likes (MQTT 5.0 3.3.4):
    Causeway refuses to.
    """
    if _system(one) != _system(other) and (one[0] in "+#" or other[0] in "+#"):
        return False
    return _levels_overlap(one.split("/"), other.split("/"))


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic name that matches the filter ``narrow`` matches the filter ``wide`` too."""
    if _system(narrow) and wide[0] in "+#":
        return False
    mine, theirs = wide.split("/"), narrow.split("/")
    for position, level in enumerate(mine):
        if level == "#":
            return True
        if position >= len(theirs) or theirs[position] == "#" or level not in ("+", theirs[position]):
            return False
    return len(mine) == len(theirs)


def _system(topic_filter: str) -> bool:
    return topic_filter.startswith("$")


def _levels_overlap(one: list[str], other: list[str]) -> bool:
    for mine, theirs in zip(one, other, strict=False):
        if "#" in (mine, theirs):
            return True
        if mine != theirs and "+" not in (mine, theirs):
            return False
    longer = one[len(other) :] or other[len(one) :]
    if longer == ["#"]:
        return min(one, other, key=len) != ["+"] or "" not in (one[0], other[0])  # "/#" and "+" share only "": no topic
    return not longer
