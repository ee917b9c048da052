from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from devices.management.reasons import one_line
from devices.models import Device
from devices.requests.credentials import mqtt_username
from devices.requests.provisioning import provision
from devices.rules.actors import Actor


class Command(BaseCommand):
    help = (
        "Register a device and print its MQTT credentials, which can't be shown again. "
        "For a device that has some already: a new password; the old one ends."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("device", metavar="SITE/DEVICE", help="each 1 to 64 of A-Z a-z 0-9 _ - . :")

    def handle(self, *_args: Any, **options: Any) -> None:
        key: str = options["device"]
        with one_line():
            password = provision(key, Actor("system", "provision_device"))
        self.stdout.write(f"device    {key}\nusername  {mqtt_username(key)}\npassword  {password}")
        if not settings.DEVICES.mosquitto_passwords:
            self._tell_the_line(key)

    def _tell_the_line(self, key: str) -> None:
        stored = Device.objects.values_list("mqtt_password", flat=True).get(key=key)
        self.stderr.write(
            "MOSQUITTO_PASSWORDS names no file; tell your broker yourself. For Mosquitto's password file:"
        )
        self.stderr.write(f"{mqtt_username(key)}:{stored}")
