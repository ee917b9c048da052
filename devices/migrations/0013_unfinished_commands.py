"""An index of the commands that wait: they are counted whenever one is stored, among all that are kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("devices", "0012_fewer_pages")]

    operations = [
        migrations.AddIndex(
            model_name="command",
            index=models.Index(
                condition=models.Q(("status__in", ("accepted", "sent", "delivered"))),
                fields=["device"],
                name="unfinished_commands",
            ),
        ),
    ]
