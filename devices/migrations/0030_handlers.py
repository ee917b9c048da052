"""Handlers of apps: which there are, how far each is, what it keeps, holds and has still to do."""

import devices.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0029_followers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Handler",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField()),
                ("state", models.CharField(default="running", max_length=8)),
                ("since_ms", models.BigIntegerField()),
                ("kind", models.CharField(max_length=12)),
                ("on_failure", models.CharField(max_length=11)),
            ],
        ),
        migrations.CreateModel(
            name="HandlerCursor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shard", models.PositiveIntegerField()),
                ("commit", models.BigIntegerField(default=0)),
                ("done", devices.models.fields.JSONTextField(default=list)),
                ("begin", models.CharField(blank=True, max_length=20)),
                ("generation", models.BigIntegerField(default=0)),
                ("owner", models.CharField(blank=True, max_length=128)),
                ("beat_ms", models.BigIntegerField(default=0)),
                ("handled", models.BigIntegerField(default=0)),
                ("failures", models.BigIntegerField(default=0)),
                ("failed_ms", models.BigIntegerField(default=0)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("batch", models.PositiveIntegerField(default=0)),
                ("suspect", models.CharField(blank=True, max_length=200)),
                ("too_far_ms", models.BigIntegerField(default=0)),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cursors",
                        to="devices.handler",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("handler", "shard"), name="one_cursor_per_handler_and_shard")
                ],
            },
        ),
        migrations.CreateModel(
            name="HandlerDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device", models.CharField(max_length=129)),
                ("state", devices.models.fields.JSONTextField(default=dict)),
                ("parked_ms", models.BigIntegerField(default=0)),
                ("retry_ms", models.BigIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("why", models.CharField(blank=True, max_length=300)),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="devices",
                        to="devices.handler",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("parked_ms__gt", 0)), fields=["handler"], name="parked_devices")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("handler", "device"), name="one_row_per_handler_and_device")
                ],
            },
        ),
        migrations.CreateModel(
            name="HandlerItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device", models.CharField(max_length=129)),
                ("kind", models.CharField(max_length=12)),
                ("item", devices.models.fields.JSONTextField()),
                ("dead", models.BooleanField(default=False)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("at_ms", models.BigIntegerField()),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="devices.handler",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["handler", "device", "id"], name="devices_han_handler_8fe9f9_idx")],
            },
        ),
        migrations.CreateModel(
            name="HandlerRunner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.CharField(max_length=128)),
                ("beat_ms", models.BigIntegerField()),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runners",
                        to="devices.handler",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("handler", "owner"), name="one_row_per_handler_and_runner")
                ],
            },
        ),
        migrations.CreateModel(
            name="HandlerTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task", models.CharField(max_length=200)),
                ("args", devices.models.fields.JSONTextField()),
                ("made_ms", models.BigIntegerField()),
                ("due_ms", models.BigIntegerField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("dead", models.BooleanField(default=False)),
                ("why", models.CharField(blank=True, max_length=300)),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="devices.handler",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("dead", False)), fields=["due_ms"], name="tasks_to_be_done"),
                    models.Index(fields=["handler"], name="devices_han_handler_26a036_idx"),
                ],
            },
        ),
    ]
