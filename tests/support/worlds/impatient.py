"""``python -m tests.support.worlds.impatient SECONDS …``: Daphne (…), whose sockets wait so long for an ``ack``.

Real ones wait for a minute: see ``devices/web/live/socket/frame_writer.py``.
"""

import sys
from typing import Any, cast

from daphne.cli import CommandLineInterface

from devices.web.live.socket import frame_writer


def main() -> None:
    """Until it is told to stop."""
    seconds, *arguments = sys.argv[1:]
    cast("Any", frame_writer).PATIENCE_S = float(seconds)
    CommandLineInterface().run(arguments)


if __name__ == "__main__":
    main()
