"""Devices without MQTT: their tokens, and what they send as requests, of which repeats are told by their keys."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0023_listening")]

    operations = [
        migrations.AddField(
            "device", "http_token", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
        migrations.AddField("request", "idempotency_key", models.CharField(max_length=200, null=True)),
        migrations.AddConstraint(
            "request",
            models.UniqueConstraint(fields=("device_key", "idempotency_key"), name="one_request_per_idempotency_key"),
        ),
    ]
