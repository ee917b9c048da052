"""Devices are found by a part of their name: a column of their descriptions, and PostgreSQL's index of its parts.

As for parts of keys, that index takes the extension pg_trgm (0015_parts_of_keys), without which all names are read.
"""

from itertools import islice
from typing import Any

import structlog
from django.db import DatabaseError, migrations, models, transaction

log = structlog.get_logger(__name__)

PARTS = "CREATE INDEX IF NOT EXISTS device_name_parts ON devices_description USING gin (folded_name gin_trgm_ops)"


def fill(apps: Any, _editor: Any) -> None:
    """From the descriptions that there are."""
    description = apps.get_model("devices", "Description")
    rows = description.objects.only("doc").iterator(chunk_size=1_000)
    named = (row for row in rows if _folded_name(row))
    while some := list(islice(named, 1_000)):
        for row in some:
            row.folded_name = _folded_name(row)
        description.objects.bulk_update(some, ["folded_name"])


def _folded_name(row: Any) -> str:
    return str(row.doc.get("document", {}).get("value", {}).get("name", "")).casefold()


def add(_apps: Any, editor: Any) -> None:
    """Add the index of parts, or say that it can't be."""
    if editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(editor.connection.alias), editor.connection.cursor() as cursor:
            cursor.execute(PARTS)
    except DatabaseError as error:
        reason = str(error).partition("\n")[0]
        log.warning("no index for parts of names: a search by q= reads all of them", reason=reason)


def remove(_apps: Any, editor: Any) -> None:
    """Remove it."""
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX IF EXISTS device_name_parts")


class Migration(migrations.Migration):
    dependencies = [("devices", "0027_changes")]

    operations = [
        migrations.AddField("description", "folded_name", models.TextField(default="", db_default="")),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex("description", models.Index(fields=["folded_name", "device"], name="descriptions_by_name")),
        migrations.RunPython(add, remove),
    ]
