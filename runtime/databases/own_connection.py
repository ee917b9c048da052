"""The connection of a thread that has one for its life, and what our backends tell of a thread's connection."""

from django.db import DEFAULT_DB_ALIAS, connections


def connect_for_life(name: str, session: dict[str, str], patience_s: float) -> None:
    """The thread has one connection for its life.

    A pool would only stand between us and PostgreSQL: while that is down, it hides the reason, and waits ever longer
    before it tries again.
    """
    connection = connections[DEFAULT_DB_ALIAS]  # this thread's; the settings are shared by all
    options = {key: value for key, value in connection.settings_dict["OPTIONS"].items() if key != "pool"}
    if connection.vendor == "postgresql":
        options |= {"application_name": name, "session": session}
    else:
        options |= {"timeout": patience_s}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}


def cursors_made() -> int:
    """How often this thread has asked the database; changes when it asks."""
    made: int = getattr(connections[DEFAULT_DB_ALIAS], "cursors_made", 0)
    return made


def only_reads() -> bool:
    """Whether this thread's connection has come to lead to a server that only reads: after a switchover."""
    return bool(getattr(connections[DEFAULT_DB_ALIAS], "only_reads", False))
