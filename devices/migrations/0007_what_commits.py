"""When each shard last committed, and why it does not: for those who ask whether the system works."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0006_actors")]

    operations = [
        migrations.AddField("shardstate", "committed_ms", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "shardstate", "trouble", models.CharField(blank=True, db_default="", default="", max_length=200)
        ),
    ]
