"""Builds the packages of the clients: a wheel for Python, a tarball for npm. The same sources make the same bytes.

Usage: python -m scripts.build_packages [DIRECTORY]     (dist, unless given)
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from causeway_client import __version__

ROOT: Final = Path(__file__).parents[1]
CLIENT: Final = ROOT / "causeway_client"
OF_PYTHON: Final = ROOT / "clients" / "python"
OF_JAVASCRIPT: Final = ROOT / "clients" / "javascript"
_EPOCH_S: Final = "315532800"  # 1980: what a zip archive can say at the earliest


def build_wheel(directory: Path) -> Path:
    """The wheel of ``causeway_client``, made without the network.

    Raises:
        subprocess.CalledProcessError: pip has said why.
    """
    with TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(CLIENT, project / CLIENT.name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (*OF_PYTHON.iterdir(), ROOT / "LICENSE"):
            shutil.copy(path, project)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        offline = ["--no-index", "--no-deps", "--no-build-isolation"]
        _run([*pip, *offline, "--wheel-dir", str(directory), folder], SOURCE_DATE_EPOCH=_EPOCH_S)
    return directory / f"causeway_client-{__version__}-py3-none-any.whl"


def build_tarball(directory: Path) -> Path:
    """The npm package of the JavaScript client; needs node and npm, and node_modules.

    Raises:
        subprocess.CalledProcessError: tsc or npm has said why.
    """
    own = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    _run(["node", str(OF_JAVASCRIPT / "build.mjs"), str(directory), __version__], PATH=own)
    return directory / f"causeway-client-{__version__}.tgz"


def _run(command: Sequence[str], **variables: str) -> None:
    program = shutil.which(command[0], path=variables.get("PATH")) or command[0]
    subprocess.run([program, *command[1:]], env={**os.environ, **variables}, check=True, timeout=120)  # noqa: S603


if __name__ == "__main__":
    into = Path(sys.argv[1] if len(sys.argv) > 1 else "dist")
    for made in (build_wheel(into), build_tarball(into)):
        print(made)  # noqa: T201
