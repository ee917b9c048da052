"""The app's own tables."""

from django.db import models

from causeway.models import Device


class PlantCount(models.Model):
    """How many readings of a plant there ever were."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    readings = models.BigIntegerField()

    class Meta:
        app_label = "plants"

    def __str__(self) -> str:
        return f"{self.readings} readings"
