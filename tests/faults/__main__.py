"""``python -m tests.faults``: many seeded rounds, each with a random fault under load. ``make faults`` runs it."""

import argparse
import contextlib
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.support.environment import use_for_this_process

use_for_this_process({"DATABASE_URL": "sqlite://", "DEBUG": "true"})  # nothing of the caller's; we don't use Django

from tests.faults import report  # noqa: E402
from tests.faults.arenas import Arenas  # noqa: E402
from tests.faults.faults import FAULTS, SETS, possible  # noqa: E402
from tests.faults.rounds import Result  # noqa: E402
from tests.support.servers.mosquitto import mosquitto_service  # noqa: E402
from tests.support.servers.postgres import postgres_service  # noqa: E402
from tests.support.servers.redis import redis_service  # noqa: E402
from tests.support.worlds.system import Parts, factory  # noqa: E402


class Run:
    """The rounds of one call."""

    def __init__(self, arenas: Arenas, seed: str, name: str) -> None:
        self.arenas, self._seed, self._name = arenas, seed, name
        self.results: list[Result] = []

    def round(self, number: int, fault: str) -> Result:
        """One round; one that breaks off is a violation, and the others go on."""
        try:
            result = self.arenas.round(number, self._seed, fault, report.OUTPUT / f"{self._name}-failed-{number}")
        except Exception:  # noqa: BLE001
            result = Result(number, self._seed, fault, [])
            result.findings.note(f"the round broke off:\n{traceback.format_exc()}")
            self.close()
        self.results.append(result)
        return result

    def close(self) -> None:
        """End what is open; what can't be ended in order is only told."""
        try:
            self.arenas.close()
        except Exception:  # noqa: BLE001
            traceback.print_exc()


def main() -> int:
    """Returns the exit status: 1 if any promise was broken."""
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    names = possible(SETS.get(options.faults) or options.faults.split(","), options.database)
    file = report.OUTPUT
    name = f"{options.database}-{options.faults.replace(',', '+')[:60]}-{options.seed}"
    with _running(options, name) as run:
        for number in range(options.first, options.first + options.rounds):
            result = run.round(number, Random(f"{options.seed}/{number}").choice(names))
            if number == options.first:
                print(f"{run.arenas.per_s} messages a second", flush=True)
            print(result.story() if result.findings.violations else result.line(), flush=True)
            file = report.write(name, options.database, run.results)  # each time: the run may be broken off
    print(f"\n{file.with_suffix('.md').read_text()}\nwritten to {file}")
    return any(result.findings.violations for result in run.results)


def _leave(*_signal: object) -> None:
    """End as Ctrl-C does: whatever was started is ended, once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="number of the first round, to repeat one of a longer run")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--faults", default="kills", help=f"a set ({', '.join(SETS)}) or names, with commas")
    parser.add_argument("--rate", type=int, help="messages a second; half of what is sustained here unless given")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("at least one round")
    if unknown := set() if options.faults in SETS else set(options.faults.split(",")) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are: {', '.join(FAULTS)}")
    return options


@contextlib.contextmanager
def _running(options: argparse.Namespace, name: str) -> Iterator[Run]:
    parts = Parts(mosquitto_service(), redis_service(), postgres_service())
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="causeway-faults-")))
        stack.callback(parts.close)
        parts.start()
        arenas = Arenas(stack.enter_context(factory(parts, directory, {})), options.database, options.rate)
        run = Run(arenas, options.seed, name)
        stack.callback(run.close)
        yield run


if __name__ == "__main__":
    sys.exit(main())
