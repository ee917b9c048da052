"""The pages' build, which the web process needs: made before the tests if it is older than its sources."""

import fcntl
import os
import subprocess
from pathlib import Path

from tests.support.environment import ROOT, clean_environment

FRONTEND = ROOT / "devices" / "web" / "frontend"
MANIFEST = FRONTEND / "dist" / "manifest.json"
TIMEOUT_S = 60.0


def build_pages() -> None:
    """Build them, once, however many processes ask; nothing to do is the usual case.

    Raises:
        subprocess.CalledProcessError: they can't be built.
    """
    if not _is_old():
        return
    with (FRONTEND / "build.mjs").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_old():
            path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
            command = ["node", str(FRONTEND / "build.mjs")]
            subprocess.run(command, check=True, timeout=TIMEOUT_S, env={**clean_environment(), "PATH": path}, cwd=ROOT)


def sources() -> list[Path]:
    """What the build is made of."""
    client = ROOT / "devices" / "web" / "static" / "causeway" / "client"
    folders = [(FRONTEND / "src").rglob("*"), client.glob("*.js")]
    files = [path for folder in folders for path in folder if path.is_file()]
    return [FRONTEND / "build.mjs", ROOT / "package.json", *files]


def _is_old() -> bool:
    if not MANIFEST.is_file():
        return True
    return MANIFEST.stat().st_mtime_ns < max(path.stat().st_mtime_ns for path in sources())
