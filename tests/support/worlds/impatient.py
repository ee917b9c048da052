"""``python -m tests.support.worlds.impatient SECONDS …``: Daphne (…), whose sockets wait so long for an ``ack``.

Real ones wait for a minute: see ``devices/web/live/socket/frame_writer.py``.
"""

import sys
from typing import Any, cast

import django
from daphne.cli import CommandLineInterface


def main() -> None:
    """Until it is told to stop."""
    django.setup()
    from devices.web.live.socket import frame_writer  # needs models

    seconds, *arguments = sys.argv[1:]
    cast("Any", frame_writer).PATIENCE_S = float(seconds)
    CommandLineInterface().run(arguments)


if __name__ == "__main__":
    main()
