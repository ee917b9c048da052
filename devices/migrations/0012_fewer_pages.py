"""On SQLite, two indexes go that cost each commit some pages and save what reads them little: their tables are small."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEXES = (("Twin", "devices_twi_status_7591ed_idx"), ("RecentDeliveries", "devices_rec_shard_4d9183_idx"))


def drop(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The models go on naming them: PostgreSQL has them."""
    if schema_editor.connection.vendor == "sqlite":
        for _, name in INDEXES:
            schema_editor.execute(f'DROP INDEX IF EXISTS "{name}"')


def make(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """As they were."""
    if schema_editor.connection.vendor == "sqlite":
        for model_name, name in INDEXES:
            model = apps.get_model("devices", model_name)
            (index,) = (one for one in model._meta.indexes if one.name == name)
            schema_editor.add_index(model, index)


class Migration(migrations.Migration):
    dependencies = [("devices", "0011_one_clock")]

    operations = [migrations.RunPython(drop, make)]
