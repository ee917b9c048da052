"""What one source was heard to say, while somebody looked."""

import devices.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0024_ingest"),
    ]

    operations = [
        migrations.AddField(
            model_name="listening",
            name="filters",
            field=devices.models.fields.JSONTextField(default=None, null=True),
        ),
        migrations.AddField(
            model_name="listening",
            name="source",
            field=models.CharField(db_default="", default="", max_length=129),
        ),
        migrations.CreateModel(
            name="HeardMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField()),
                ("topic", models.CharField(max_length=500)),
                ("kind", models.TextField()),
                ("detail", models.TextField()),
                ("dialect", models.CharField(max_length=64)),
                ("payload", models.BinaryField()),
                ("size", models.BigIntegerField()),
                ("retained", models.BooleanField()),
                ("at_ms", models.BigIntegerField()),
                (
                    "listening",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="heard_messages",
                        to="devices.listening",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("listening", "number"), name="one_row_per_heard_message")
                ],
            },
        ),
    ]
