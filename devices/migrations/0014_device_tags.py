"""Devices are found by their tags through rows of their own: twins are written with every reading, tags seldom."""

from itertools import islice
from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def fill(apps: Any, _editor: Any) -> None:
    """From the twins that there are."""
    twin, tag = (apps.get_model("devices", name) for name in ("Twin", "DeviceTag"))
    tagged = twin.objects.exclude(tags=[]).values_list("pk", "tags").iterator(chunk_size=1_000)
    rows = (tag(device_id=pk, tag=one) for pk, tags in tagged for one in tags)
    while some := list(islice(rows, 1_000)):
        tag.objects.bulk_create(some)


class Migration(migrations.Migration):
    dependencies = [("devices", "0013_unfinished_commands")]

    operations = [
        migrations.CreateModel(
            "DeviceTag",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tagged", to="devices.device"
                    ),
                ),
                ("tag", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tag", "device"), name="one_row_per_tag_of_a_device"),
                ],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
