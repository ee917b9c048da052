"""The app's handlers."""

from collections.abc import Sequence

from causeway import Reading, on
from causeway.handlers import Tx
from tests.apps.irrigation.models import Plant, Watering


@on(Reading, metric="moisture")
def irrigate(readings: Sequence[Reading], tx: Tx) -> None:
    """Open the valve of each plant that is too dry."""
    plants = {plant.device.key: plant for plant in Plant.objects.select_related("device")}
    for reading in readings:
        plant, moisture = plants.get(reading.device), reading.value
        if plant is None or not isinstance(moisture, int | float) or moisture >= plant.dry_below:
            continue
        Watering.objects.create(plant=plant, rev=reading.rev, moisture=moisture)
        tx.command(reading.device, "open_valve", {"s": plant.water_s}, key=reading.key)
