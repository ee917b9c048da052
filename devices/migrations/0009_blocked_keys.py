"""Keys under which nobody may publish."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0008_silence_and_deletion")]

    operations = [
        migrations.CreateModel(
            "BlockedKey",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=129, unique=True)),
                ("hash", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("created_by", models.CharField(db_default="", default="", max_length=200)),
            ],
        ),
    ]
