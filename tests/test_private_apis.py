"""docs/private-apis.md: what it lists exists in the pinned versions, and no other private name of a library is used.

What counts as a private name of a library, in the packages that are installed:

- an attribute that begins with one underscore, of anything but ``self``, ``cls`` and ``super()``: our classes leave
  each other's alone, so it can only be a library's;
- the same by ``self``, ``cls`` or ``super()``, or defined in a class, if a library's class among its bases has it;
- such a name imported, or given to ``getattr`` and its like as a literal.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "private-apis.md"
PACKAGES = ("bridge", "causeway", "causeway_client", "config", "devices", "mqtt_gateway", "runtime")
FILES = [
    path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts
]
BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr", "attrgetter"})


class Listed(NamedTuple):
    """A row of the page."""

    library: str
    version: str
    name: str  # dotted
    files: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]


def listed() -> list[Listed]:
    rows: list[Listed] = []
    library = version = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            library, _, version = line[3:].partition(" ")
        elif line.startswith("| `"):
            name, files = (re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3])
            rows.append(Listed(library, version, name[0], tuple(files)))
    return rows


LISTED = listed()


# The scan --------------------------------------------------------------------------------------------------------


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def is_own(node: ast.expr) -> bool:
    """``self``, ``cls`` or ``super()``."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def foreign(source: str) -> Iterator[str]:
    """Private names of others in `source`, by its text alone."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=value, attr=name) if is_private(name) and not is_own(value):
                yield name
            case ast.ImportFrom(module=module, level=0, names=names) if str(module).split(".")[0] not in PACKAGES:
                parts = [*str(module).split("."), *(alias.name for alias in names)]
                yield from filter(is_private, parts)
            case ast.Import(names=names):
                yield from (part for alias in names for part in alias.name.split(".") if is_private(part))
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=args) if called in BY_NAME:
                texts = (arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
                yield from filter(is_private, texts)


def own(node: ast.ClassDef) -> set[str]:
    """Private names that a class defines, or uses by ``self``, ``cls`` and ``super()``."""
    used = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and is_own(one.value)}
    defined = {one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    return set(filter(is_private, used | defined))


def of_libraries(cls: type) -> set[str]:
    """What the classes of libraries among the bases of a class have, by their text, too: made in methods."""
    names: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.split(".")[0] not in {*PACKAGES, "builtins"}:
            names |= vars(base).keys() | _in_text(base)
    return names


def _in_text(cls: type) -> set[str]:
    try:
        return set(re.findall(r"\bself\.(\w+)", inspect.getsource(cls)))
    except (OSError, TypeError):  # not written in Python
        return set()


def inherited(path: Path, source: str) -> Iterator[str]:
    """Private names of libraries' classes in classes that extend them."""
    classes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and node.bases]
    for node in classes:
        if names := own(node):
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            cls: Any = getattr(module, node.name, None)
            assert cls is not None, f"{node.name} in {path}: a class within another hides from this test"
            yield from names & of_libraries(cls)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_private_name_of_a_library_is_listed(path: Path) -> None:
    source, file = path.read_text(), path.relative_to(ROOT).as_posix()
    allowed = {row.last for row in LISTED if file in row.files}
    assert {*foreign(source), *inherited(path, source)} <= allowed, f"see {PAGE.relative_to(ROOT)}"


@pytest.mark.parametrize(
    "source",
    [
        "client._sock = 1",
        "def f(self): return self._client._client",
        "def f(x): return x.y()._z",
        "from channels_redis.utils import _wrap_close",
        "from psycopg._adapters_map import AdaptersMap",
        "import psycopg._queries",
        "getattr(request, '_messages', None)",
        "operator.attrgetter('_messages')(request)",
    ],
)
def test_the_scan_sees_private_names_of_others(source: str) -> None:
    assert list(foreign(source))


@pytest.mark.parametrize(
    "source",
    [
        "def f(self): self._sock = self._make()",
        "def f(cls): return cls._made",
        "def f(self): return super()._get()",
        "for _ in x: _y = x.__class__",
        "from bridge.wire import _pack",
        "getattr(x, 'messages')",
    ],
)
def test_the_scan_lets_our_own_pass(source: str) -> None:
    assert list(foreign(source)) == []


def test_the_scan_sees_what_a_class_takes_from_a_librarys() -> None:
    path = ROOT / "runtime" / "channel_layers" / "redis.py"
    assert {"_init", "_layers", "_subscribe_to_channel", "_get_layer"} <= set(inherited(path, path.read_text()))


# The page --------------------------------------------------------------------------------------------------------


def pinned() -> dict[str, str]:
    pins = (ROOT / "requirements" / "base.txt").read_text()
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", pins, flags=re.MULTILINE))


@pytest.mark.parametrize("library", sorted({(row.library, row.version) for row in LISTED if row.library != "Python"}))
def test_the_page_is_about_the_pinned_version(library: tuple[str, str]) -> None:
    name, version = library
    assert pinned()[name.replace("_", "-")] == version, f"go through its rows in {PAGE.relative_to(ROOT)}"
    assert metadata.version(name) == version


def holder(name: str) -> Any:
    """What has the name's last part: a module, a class or a function."""
    first, *parts = name.split(".")[:-1]
    path, found = first, importlib.import_module(first)
    for part in parts:
        path = f"{path}.{part}"
        found = getattr(found, part) if hasattr(found, part) else importlib.import_module(path)
    return found


def has(found: Any, name: str) -> bool:
    """As an attribute; or in its text, for what is made in methods, or set from outside."""
    return hasattr(found, name) or bool(re.search(rf"\b{name}\b", inspect.getsource(found)))


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.name)
def test_what_is_listed_exists(row: Listed) -> None:
    assert has(holder(row.name), row.last)


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.name)
def test_what_is_listed_is_used_where_the_page_says(row: Listed) -> None:
    assert row.files
    unused = [file for file in row.files if not re.search(rf"\b{row.last}\b", (ROOT / file).read_text())]
    assert not unused


def test_what_does_not_exist_is_seen() -> None:
    with pytest.raises(ModuleNotFoundError):
        holder("paho.mqtt.client.NoSuchClass._sock")
    assert not has(holder("paho.mqtt.client.Client._sock"), "_no_such_name")
