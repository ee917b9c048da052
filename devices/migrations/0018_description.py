"""What devices are: rows of their own, as twins are written with every reading and descriptions seldom."""

import django.db.models.deletion
from django.db import migrations, models

import devices.models.fields


class Migration(migrations.Migration):
    dependencies = [("devices", "0017_people")]

    operations = [
        migrations.CreateModel(
            "Description",
            [
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="description",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("doc", devices.models.fields.JSONTextField()),
            ],
        ),
    ]
