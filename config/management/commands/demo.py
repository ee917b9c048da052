import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

PORTS = range(1, 65_536)


class Command(BaseCommand):
    help = (
        "Everything in one process, without services: embedded MQTT broker, gateway, device workers, web pages and a "
        "simulated fleet. PORT and MQTT_PORT in the environment choose the ports (8000, 1883); with MQTT_HOST the "
        "broker listens elsewhere than on loopback, with MQTT_PASSWORD for devices that come from there."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--devices", type=int, default=25, help="simulated devices (25)")
        parser.add_argument("--foreign", type=int, default=4, help="simulated devices of each other dialect (4)")
        parser.add_argument("--rate", type=float, default=1.0, help="messages a second of each (1)")

    def handle(self, **options: Any) -> None:
        from config.demo.environment import BrokerAddressError, broker_address
        from config.demo.run import DemoOptions, PortTakenError, run

        try:
            mqtt_host, mqtt_password = broker_address()
            status = run(
                DemoOptions(
                    port=_port("PORT", 8000),
                    mqtt_port=_port("MQTT_PORT", 1883),
                    mqtt_host=mqtt_host,
                    mqtt_password=mqtt_password,
                    devices=options["devices"],
                    rate=options["rate"],
                    foreign=options["foreign"],
                )
            )
        except (BrokerAddressError, PortTakenError) as error:
            raise CommandError(str(error)) from None
        raise SystemExit(status)


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) not in PORTS:
        raise CommandError(f"{variable}: it is no port")
    return int(text)
