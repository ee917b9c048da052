"""Quarantined messages may be a source's, where they are no device's."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0018_description")]

    operations = [
        migrations.AlterField(
            "Quarantined",
            "device",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="quarantined", to="devices.device"
            ),
        ),
        migrations.AddField("Quarantined", "source", models.CharField(db_default="", default="", max_length=129)),
        migrations.AddField("Quarantined", "site", models.CharField(db_default="", default="", max_length=64)),
        migrations.AddField("Quarantined", "hash", models.PositiveBigIntegerField(null=True)),
    ]
