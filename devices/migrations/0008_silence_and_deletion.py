"""How long devices may be silent by site and tag; what the broker is to forget of deleted devices."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import devices.models.fields

LIMITS = [django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366 * 86_400)]
NAME = django.core.validators.RegexValidator(r"\A[A-Za-z0-9_\-.:]{1,64}\Z", "1 to 64 of A-Z a-z 0-9 _ - . :")


class Migration(migrations.Migration):
    dependencies = [("devices", "0007_what_commits")]

    operations = [
        migrations.AddField("retiredkey", "clearing", devices.models.fields.JSONTextField(db_default=[], default=list)),
        migrations.AddField(
            "site", "stale_after_s", models.PositiveIntegerField(blank=True, null=True, validators=LIMITS)
        ),
        migrations.CreateModel(
            "TagDefault",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tag", models.CharField(max_length=64, validators=[NAME])),
                ("stale_after_s", models.PositiveIntegerField(validators=LIMITS)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tag_defaults", to="devices.site"
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("site", "tag"), name="one_default_per_tag")]},
        ),
    ]
