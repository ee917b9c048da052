"""What gateways reject can be found by topic."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mqtt_gateway", "0003_names_and_secret_client_ids")]

    operations = [
        migrations.CreateModel(
            "Rejected",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("writer", models.CharField(max_length=128)),
                ("topic", models.CharField(max_length=300)),
                ("reason", models.CharField(max_length=32)),
                ("count", models.BigIntegerField(default=0)),
                ("first_ms", models.BigIntegerField()),
                ("last_ms", models.BigIntegerField(db_index=True)),
                ("payload", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("writer", "topic", "reason"), name="one_rejected_per_gateway_topic")
                ],
            },
        ),
    ]
