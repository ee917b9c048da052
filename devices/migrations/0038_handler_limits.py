"""How much may wait for handlers: since when one takes no more, and what was left out at a device."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0032_alerts"),
    ]

    operations = [
        migrations.AddField("handler", "full_ms", models.BigIntegerField(default=0)),
        migrations.AddField("handlerdevice", "left_out", models.BigIntegerField(default=0)),
        migrations.AddField("handlerdevice", "left_out_ms", models.BigIntegerField(default=0)),
    ]
