"""The record of what has changed of devices. It begins empty: what was before is not known."""

from django.db import migrations, models

import devices.models.fields


class Migration(migrations.Migration):
    dependencies = [("devices", "0026_tickets")]

    operations = [
        migrations.CreateModel(
            name="Change",
            fields=[
                ("shard", models.PositiveIntegerField()),
                ("commit", models.BigIntegerField()),
                ("nth", models.PositiveIntegerField()),
                ("device", models.CharField(max_length=129)),
                ("at_ms", models.BigIntegerField()),
                ("rev", models.BigIntegerField(null=True)),
                ("kind", models.CharField(max_length=12)),
                ("patch", devices.models.fields.JSONTextField()),
                ("undo", devices.models.fields.JSONTextField()),
                ("actor", models.CharField(max_length=200)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "shard", "commit", "nth", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["device", "commit", "nth"], name="changes_of_a_device")],
            },
        ),
    ]
