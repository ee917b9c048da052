"""Devices are found by a part of their key through an index, where PostgreSQL lets us have one.

It takes the extension pg_trgm, which comes with PostgreSQL; whoever may create in the database may create it. Where
that is not so, or it isn't installed, all keys are read, as on SQLite; docs/without-docker.md says how to add it later.
"""

from typing import Any

import structlog
from django.db import DatabaseError, migrations, transaction

log = structlog.get_logger(__name__)

STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX IF NOT EXISTS device_key_parts ON devices_device USING gin (upper(key) gin_trgm_ops)",
)


def add(_apps: Any, editor: Any) -> None:
    """Add it, or say that it can't be."""
    if editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(editor.connection.alias), editor.connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement)
    except DatabaseError as error:
        reason = str(error).partition("\n")[0]
        log.warning("no index for parts of keys: a search by q= reads all of them", reason=reason)


def remove(_apps: Any, editor: Any) -> None:
    """Remove it. The extension may be somebody else's."""
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX IF EXISTS device_key_parts")


class Migration(migrations.Migration):
    dependencies = [("devices", "0014_device_tags")]

    operations = [migrations.RunPython(add, remove)]
