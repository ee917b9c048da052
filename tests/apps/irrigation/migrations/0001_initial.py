import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("devices", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Plant",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="devices.device",
                    ),
                ),
                ("dry_below", models.FloatField()),
                ("water_s", models.PositiveIntegerField(default=20)),
            ],
        ),
        migrations.CreateModel(
            name="Watering",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rev", models.BigIntegerField()),
                ("moisture", models.FloatField()),
                (
                    "plant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="irrigation.plant"),
                ),
            ],
        ),
    ]
