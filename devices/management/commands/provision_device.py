from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from devices.management.reasons import one_line
from devices.models import Device, DialectLogin
from devices.requests.credentials import mqtt_username
from devices.requests.provisioning import provision, provision_http, provision_login, revoke_http, rights_of_logins
from devices.rules.actors import Actor


class Command(BaseCommand):
    help = (
        "Register a device and print its MQTT credentials, which can't be shown again. "
        "For a device that has some already: a new password; the old one ends. "
        "With --dialect: a login that may speak that dialect at SITE (as DIALECTS says) and nothing else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("device", metavar="SITE/DEVICE", help="each 1 to 64 of A-Z a-z 0-9 _ - . :")

        parser.add_argument(
            "--dialect", metavar="NAME", help="a login for a bridge or a house of devices that speak this dialect"
        )
        parser.add_argument(
            "--http", action="store_true", help="a token for a device without MQTT; its former one ends"
        )
        parser.add_argument("--revoke-http", action="store_true", help="end its token for HTTP")

    def handle(self, *_args: Any, **options: Any) -> None:
        key: str = options["device"]
        if options["http"] or options["revoke_http"]:
            self._http(key, revoke=options["revoke_http"])
            return
        if options["dialect"]:
            self._login(key, options["dialect"])
            return
        with one_line():
            password = provision(key, Actor("system", "provision_device"))
        self.stdout.write(f"device    {key}\nusername  {mqtt_username(key)}\npassword  {password}")
        if not settings.DEVICES.mosquitto_passwords:
            self._tell_the_line(key)

    def _http(self, key: str, *, revoke: bool) -> None:
        with one_line():
            if revoke:
                had = revoke_http(key)
                self.stdout.write(f"{key}: its token for HTTP is revoked" if had else f"{key} has no token for HTTP")
                return
            token = provision_http(key, Actor("system", "provision_device"))
        self.stdout.write(f"device    {key}\nurl       /api/v1/ingest/{key}/telemetry\ntoken     {token}")

    def _login(self, key: str, dialect: str) -> None:
        with one_line():
            password = provision_login(key, dialect)
        self.stdout.write(f"dialect   {dialect}\nusername  {mqtt_username(key)}\npassword  {password}")
        if not settings.DEVICES.mosquitto_passwords:
            self._tell_the_line(key, DialectLogin)
            self.stderr.write(f"For its ACL file:\n{rights_of_logins()}")

    def _tell_the_line(self, key: str, model: type[Device | DialectLogin] = Device) -> None:
        stored = model.objects.values_list("mqtt_password", flat=True).get(key=key)
        self.stderr.write(
            "MOSQUITTO_PASSWORDS names no file; tell your broker yourself. For Mosquitto's password file:"
        )
        self.stderr.write(f"{mqtt_username(key)}:{stored}")
