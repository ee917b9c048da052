from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Copy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("handler", models.PositiveIntegerField()),
                ("device", models.CharField(max_length=129)),
                ("rev", models.BigIntegerField()),
                ("value", models.FloatField(null=True)),
                ("late_ms", models.BigIntegerField()),
            ],
        ),
    ]
