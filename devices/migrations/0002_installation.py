"""Keep the number of shards of the first migration: it decides where a device lives."""

from django.conf import settings
from django.db import migrations


def keep_shards(apps, schema_editor):
    apps.get_model("devices", "Installation").objects.create(shards=settings.DEVICES.shards)
    state = apps.get_model("devices", "ShardState")
    state.objects.bulk_create(state(shard=shard) for shard in range(settings.DEVICES.shards))


class Migration(migrations.Migration):
    dependencies = [("devices", "0001_initial")]
    operations = [migrations.RunPython(keep_shards, migrations.RunPython.noop)]
