"""What dialects remember of sources, and the topic filters that sources want."""

from django.db import migrations, models

import devices.models.fields


class Migration(migrations.Migration):
    dependencies = [("devices", "0015_parts_of_keys")]

    operations = [
        migrations.CreateModel(
            "Source",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=129)),
                ("dialect", models.CharField(max_length=64)),
                ("hash", models.PositiveBigIntegerField()),
                ("revision", models.IntegerField()),
                ("model", devices.models.fields.JSONTextField(default=None)),
                ("live", devices.models.fields.JSONTextField(default=None)),
                ("wake_ms", models.BigIntegerField(default=0)),
                ("filter_count", models.PositiveIntegerField(default=0)),
                ("written_ms", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "dialect"), name="one_state_per_source_and_dialect"),
                ],
            },
        ),
        migrations.CreateModel(
            "SourceFilter",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=129)),
                ("dialect", models.CharField(max_length=64)),
                ("topic_filter", models.CharField(max_length=500)),
                ("qos", models.PositiveSmallIntegerField()),
                ("keep", models.BooleanField()),
                ("retained", models.CharField(max_length=6)),
                ("big", models.BooleanField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "dialect", "topic_filter"), name="one_row_per_wanted_filter"
                    ),
                ],
            },
        ),
    ]
