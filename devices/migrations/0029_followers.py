"""The log of readings, which is written while somebody follows; from where on log and record of changes are complete."""

from typing import Any

from django.db import migrations, models


def _store_as_it_is(apps: Any, editor: Any) -> None:
    """PostgreSQL would try to compress each row: that costs ingest more than the bytes, which soon go again."""
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE devices_loggedreadings ALTER COLUMN readings SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = [("devices", "0028_names")]

    operations = [
        migrations.CreateModel(
            name="Follower",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("shard", models.PositiveIntegerField()),
                ("position", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("shard", "name"), name="one_position_per_follower")],
            },
        ),
        migrations.CreateModel(
            name="LoggedReadings",
            fields=[
                ("shard", models.PositiveIntegerField()),
                ("commit", models.BigIntegerField()),
                ("at_ms", models.BigIntegerField()),
                ("total_bytes", models.BigIntegerField()),
                ("readings", models.BinaryField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "shard", "commit", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.RunPython(_store_as_it_is, migrations.RunPython.noop),
        migrations.AddField("shardstate", "is_followed", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("shardstate", "logged_since", models.BigIntegerField(null=True)),
        migrations.AddField("shardstate", "changes_since", models.BigIntegerField(db_default=0, default=0)),
    ]
