"""channels_redis's own suite on our layers: fetched as its pinned source distribution, run on a Redis of its own.

Deviations: see docs/decisions/0015-one-round-trip-a-message.md.
"""

import re
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.environment import ROOT
from tests.support.servers.processes import run_command
from tests.support.servers.service import Service

# Test → what it finds instead, as the decision says.
DEVIATIONS = {"test_reject_bad_client_prefix": "ValueError: not-client-prefix! is another process's"}

_LAYER = """\
from channels.exceptions import ChannelFull
from runtime.channel_layers.redis import ChannelLayer


def RedisChannelLayer(**options):
    return ChannelLayer(**{"hosts": TEST_HOSTS, **options})
"""
_CHANGES = (
    ("import async_timeout", "import asyncio as async_timeout"),
    ("from channels_redis.core import ChannelFull, RedisChannelLayer", _LAYER),
    (
        "from channels_redis.pubsub import RedisPubSubChannelLayer",
        "from runtime.channel_layers.redis import GroupLayer as RedisPubSubChannelLayer",
    ),
)


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked distribution's tests."""
    directory = tmp_path_factory.mktemp("channels-redis")
    pinned = ROOT / "requirements" / "channels-suite.txt"
    options = ["--no-deps", "--no-binary", ":all:", "--require-hashes", "--quiet", "--dest", str(directory)]
    run_command([sys.executable, "-m", "pip", "download", *options, "-r", str(pinned)], {})
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later have it
        tar.extractall(directory)
    return next(directory.glob("*/tests"))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["test_core", "test_pubsub"])
def test_case_f10_their_suite_passes_on_ours_but_for_what_is_listed(
    name: str, sources: Path, redis: Service, tmp_path: Path
) -> None:
    text = (sources / f"{name}.py").read_text().replace("localhost:6379", f"127.0.0.1:{redis.port}")
    for theirs, ours in _CHANGES:
        text = text.replace(theirs, ours)
    (tmp_path / f"{name}.py").write_text(text)
    options = [
        "-q",
        "-rf",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:django",
        "-o",
        "asyncio_mode=auto",
        "--rootdir",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = run_command(command, {"PYTHONPATH": str(ROOT)}, check=False, timeout_s=200)
    failed = set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE))
    expected = {test for test in DEVIATIONS if f"def {test}(" in text}
    assert failed == expected, done.stdout[-3000:]
    assert all(why in done.stdout for test, why in DEVIATIONS.items() if test in expected)
    assert re.search(r"[1-9]\d passed", done.stdout)
