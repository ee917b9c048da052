"""Rows are dated by the database's clock. Nothing changes in the database."""

from django.db import migrations, models

import runtime.database_clock

CREATED = models.DateTimeField(default=runtime.database_clock.now, editable=False)


class Migration(migrations.Migration):
    dependencies = [("devices", "0010_rejected")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(model, "created_at", CREATED)
                for model in ("apitoken", "blockedkey", "device", "request", "site")
            ]
        )
    ]
