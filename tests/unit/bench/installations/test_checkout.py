"""Another checkout's code: what is started while its installation is made, and what is started again later."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.installations.checkout import of_checkout
from bench.installations.installation import Candidate, Installation
from tests.support import environment
from tests.support.servers.processes import Process
from tests.support.waiting import eventually

SAYS = [sys.executable, "-m", "whose"]


def other(root: Path) -> Path:
    root.mkdir()
    (root / "whose.py").write_text("import os\nprint(os.getcwd(), __file__, os.environ['NAME'], flush=True)\n")
    return root


@contextmanager
def running(directory: Path, name: str) -> Iterator[Installation]:
    process = Process("one", SAYS, {"NAME": name}, directory / "one.log").start()
    yield Installation(name=name, mqtt_port=0, endpoint=None, processes={"gateway": [process]})
    process.kill()


def test_all_that_is_started_is_the_other_checkouts_also_when_it_is_started_again(tmp_path: Path) -> None:
    root, ours = other(tmp_path / "base"), environment.ROOT
    candidate = of_checkout(Candidate("Causeway", running), root)
    assert candidate.name == "Causeway (base)"
    said = f"{root} {root / 'whose.py'} {candidate.name}"
    with candidate.running(tmp_path, candidate.name) as installation:
        (process,) = installation.processes["gateway"]
        assert isinstance(process, Process)
        assert ours == environment.ROOT
        for count in (1, 2):
            eventually(lambda count=count: process.log().splitlines() == count * [said], what="it says whose it is")  # type: ignore[misc]
            process.terminate()
            process.start()
