"""The wheel of causeway_client: what it holds, that it is the same each time, that it works without the checkout."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

import causeway_client
from devices.web.live.socket.application import PATHS
from scripts.build_packages import CLIENT, OF_PYTHON, build_wheel
from tests.support.environment import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return message_from_string(archive.read(name).decode())


def test_it_holds_the_client_its_types_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
        assert archive.read(licences[0]) == (ROOT / "LICENSE").read_bytes()
    assert names == {f"causeway_client/{path.name}" for path in CLIENT.iterdir() if path.suffix in (".py", ".typed")}
    assert "causeway_client/py.typed" in names


def test_it_needs_what_the_client_needs(wheel: Path) -> None:
    of_causeway = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = metadata(wheel)
    assert found.get_all("Requires-Dist") == of_causeway["optional-dependencies"]["client"]
    assert found["Requires-Python"] == of_causeway["requires-python"]
    assert found["License-Expression"] == of_causeway["license"]
    assert (OF_PYTHON / "README.md").read_text() in f"{found.get_payload()}"


def test_its_version_begins_with_the_protocols(wheel: Path) -> None:
    version = metadata(wheel)["Version"]
    assert version == causeway_client.__version__
    assert f"/ws/v{version.partition('.')[0]}/" in PATHS


def test_the_same_sources_make_the_same_bytes(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = Path(shutil.copytree(CLIENT, tmp_path / CLIENT.name, copy_function=shutil.copy))  # as a fresh clone is
    monkeypatch.setattr("scripts.build_packages.CLIENT", copied)
    assert build_wheel(tmp_path / "again").read_bytes() == wheel.read_bytes()


def test_it_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-index", "--no-deps", "--target", target, wheel], check=True, timeout=120)
    program = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import causeway_client, importlib.metadata\n"
        "causeway_client.Client('ws://localhost/ws/v1/', 'token')\n"
        "print(causeway_client.__file__, importlib.metadata.version('causeway-client'))"
    )
    command = [sys.executable, "-I", "-c", program]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    installed = target / "causeway_client" / "__init__.py"
    assert run.stdout.split() == [str(installed), causeway_client.__version__], run.stderr
