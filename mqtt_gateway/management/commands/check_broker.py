import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mqtt_gateway.client.broker import ConnectError
from mqtt_gateway.connection.rights_check import Right, lacking, rights
from mqtt_gateway.options import problem

_LIMIT_S = 60
_WORDS = {"yes": "yes", "no": "NO", "unknown": "not shown"}


class Command(BaseCommand):
    help = (
        "Ask the broker (MQTT_URL) for each dialect of DIALECTS whether the gateway's login may read and write its "
        "topics, and print the ACL lines that lack, as Mosquitto has them. Publishes empty messages on topics of no "
        "device (causeway-check). Ends with a status other than 0 when something lacks."
    )
    requires_system_checks: tuple[str, ...] = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        options = settings.GATEWAY
        if message := problem(options):
            raise CommandError(message)
        try:
            found = asyncio.run(asyncio.wait_for(rights(options), _LIMIT_S))
        except ConnectError as error:
            raise CommandError(f"MQTT_URL: no connection to {options.broker}: {error}") from None
        except TimeoutError:
            raise CommandError(f"MQTT_URL: {options.broker} did not answer in {_LIMIT_S} s") from None
        self._show(found)
        if missing := lacking(found):
            self._show_lines(missing, options.username)
        if denied := [one for one in missing if one.verdict == "no"]:
            raise CommandError(f"{len(denied)} of {len(found)} rights lack at {options.broker}", returncode=1)

    def _show(self, found: list[Right]) -> None:
        width = max((len(one.topic_filter) for one in found), default=0)
        for one in found:
            what = f"{one.dialect or 'native':<14} {one.verb:<5} {one.topic_filter:<{width}}"
            self.stdout.write(f"{what}  {_WORDS[one.verdict]}  {one.reason}".rstrip())

    def _show_lines(self, missing: list[Right], username: str | None) -> None:
        if any(one.verdict == "no" for one in missing):
            self.stdout.write("\nThese lines lack in Mosquitto's ACL file, or what is like them in another broker's:\n")
        else:
            self.stdout.write("\nIf nothing ever comes there, these lines lack in Mosquitto's ACL file:\n")
        if username:
            self.stdout.write(f"user {username}")
        for line in dict.fromkeys(one.line for one in missing):
            self.stdout.write(line)
