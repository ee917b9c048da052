"""What people wanted to hear on the broker, and what was heard."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0022_ways_of_commands"),
    ]

    operations = [
        migrations.CreateModel(
            name="Listening",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic_filter", models.CharField(max_length=500)),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_ms", models.BigIntegerField()),
                ("until_ms", models.BigIntegerField()),
                ("gateway", models.CharField(default="", max_length=128)),
                ("status", models.CharField(default="waiting", max_length=10)),
                ("reason", models.CharField(default="", max_length=300)),
                ("messages", models.BigIntegerField(default=0)),
                ("more", models.BigIntegerField(default=0)),
                ("limited", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Heard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=500)),
                ("count", models.BigIntegerField()),
                ("payload", models.BinaryField()),
                ("size", models.BigIntegerField()),
                ("retained", models.BooleanField()),
                ("last_ms", models.BigIntegerField()),
                ("dialect", models.CharField(default="", max_length=64)),
                ("source", models.CharField(default="", max_length=129)),
                ("reason", models.CharField(default="", max_length=64)),
                (
                    "listening",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="heard", to="devices.listening"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("listening", "topic"), name="one_row_per_heard_topic")],
            },
        ),
    ]
