"""What gateways said that shards got was not stored before: it begins as what became of it."""

from typing import Any

from django.db import migrations
from django.db.models import Sum


def receive(apps: Any, _schema: Any) -> None:
    """Balance the shards' ledgers."""
    count = apps.get_model("devices", "LedgerCount")
    known = set(count.objects.filter(outcome="received").values_list("shard", flat=True))
    sums = count.objects.order_by().values_list("shard").annotate(total=Sum("count"))
    count.objects.bulk_create(
        count(shard=shard, outcome="received", reason="", count=total) for shard, total in sums if shard not in known
    )


class Migration(migrations.Migration):
    dependencies = [("devices", "0003_reliable_link")]

    operations = [migrations.RunPython(receive, migrations.RunPython.noop)]
