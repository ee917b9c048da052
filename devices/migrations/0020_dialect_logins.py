"""Logins at the broker that may speak one dialect."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0019_quarantine_of_sources"),
    ]

    operations = [
        migrations.CreateModel(
            name="DialectLogin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=129, unique=True)),
                ("dialect", models.CharField(max_length=64)),
                ("mqtt_password", models.CharField(max_length=255)),
            ],
        ),
    ]
