from django.db import migrations, models


class Migration(migrations.Migration):
    """Client ids become secrets: rows have keys and names. Columns keep their names; nothing is rewritten but an index."""

    dependencies = [
        ("mqtt_gateway", "0002_leases_and_incidents"),
    ]

    operations = [
        migrations.AlterField(
            model_name="gatewayprocess",
            name="client_id",
            field=models.CharField(db_column="client_id", max_length=128, primary_key=True, serialize=False),
        ),
        migrations.RenameField(model_name="gatewayprocess", old_name="client_id", new_name="key"),
        migrations.AddField("gatewayprocess", "name", models.CharField(db_default="", max_length=64)),
        migrations.AddField(
            "gatewayprocess",
            "client_id",
            models.CharField(db_column="mqtt_client_id", db_default="", max_length=128),
        ),
        migrations.AddField("gatewayprocess", "tag", models.CharField(db_default="", max_length=32)),
        migrations.AddField("gatewayprocess", "switch", models.CharField(db_default="", max_length=40)),
        migrations.AddField("gatewayprocess", "retired", models.BooleanField(db_default=False)),
        migrations.RemoveConstraint("brokersession", "one_session_per_broker"),
        migrations.AlterField("brokersession", "client_id", models.CharField(db_column="client_id", max_length=128)),
        migrations.RenameField("brokersession", "client_id", "gateway"),
        migrations.AddConstraint(
            "brokersession",
            models.UniqueConstraint(fields=("gateway", "broker"), name="one_session_per_broker"),
        ),
    ]
