"""The app's own tables."""

from django.db import models

from causeway.models import Device


class Plant(models.Model):
    """A plant, by the device that measures its soil."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    dry_below = models.FloatField()  # moisture, %
    water_s = models.PositiveIntegerField(default=20)

    class Meta:
        app_label = "irrigation"

    def __str__(self) -> str:
        return f"plant of {self.device}"


class Watering(models.Model):
    """A plant was too dry, and was watered."""

    plant = models.ForeignKey(Plant, models.CASCADE)
    rev = models.BigIntegerField()  # of the reading that said so
    moisture = models.FloatField()

    class Meta:
        app_label = "irrigation"

    def __str__(self) -> str:
        return f"{self.plant} at {self.rev}"
