"""How commands in other dialects go their way; the status ``unconfirmed``."""

from django.db import migrations, models

import devices.models.fields


class Migration(migrations.Migration):
    dependencies = [("devices", "0021_mapping")]

    operations = [
        migrations.AddField("command", "way", devices.models.fields.JSONTextField(default=None, null=True)),
        migrations.AlterField("command", "status", models.CharField(default="accepted", max_length=16)),
    ]
