"""Where clients of event streams stand."""

from django.db import migrations, models

import runtime.database_clock


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0030_handlers"),
    ]

    operations = [
        migrations.CreateModel(
            name="StreamPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.CharField(max_length=32)),
                ("number", models.BigIntegerField()),
                ("is_whole", models.BooleanField()),
                ("moved", models.BinaryField()),
                ("needed_at", models.DateTimeField(db_index=True, default=runtime.database_clock.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("stream", "number"), name="one_position_per_number")],
            },
        ),
    ]
