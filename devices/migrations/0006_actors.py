"""Who asked for a request or command, as text. Of commands before, the user is known; of requests, nobody is."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import migrations, models
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Concat


def name_users(apps: Any, _schema: Any) -> None:
    """Commands by users who are still there; whether they used a token was not stored."""
    users = apps.get_model(settings.AUTH_USER_MODEL)
    name = Subquery(users.objects.filter(pk=OuterRef("user_id")).values(get_user_model().USERNAME_FIELD)[:1])
    commands = apps.get_model("devices", "Command").objects.filter(user__isnull=False, created_by="")
    commands.update(created_by=Concat(Value("user:"), name))


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_one_word_for_one_number"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameField("command", "created_by", "user"),
        migrations.AddField("command", "created_by", models.CharField(db_default="", default="", max_length=200)),
        migrations.AddField("request", "created_by", models.CharField(db_default="", default="", max_length=200)),
        migrations.RunPython(name_users, migrations.RunPython.noop),
    ]
