"""The shape of the source: import arrows (import-linter), purity, sizes, and folders that say what they are for."""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bridge", "causeway", "causeway_client", "config", "devices", "mqtt_gateway", "runtime")
RULES = tuple(
    folder.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for folder in sorted((ROOT / package).rglob("rules"))
    if folder.is_dir()
)
PURE_FOLDERS = ("bridge", *RULES, "devices/web/live/stream")
CLIENT = ROOT / "causeway_client"  # may be copied, so its imports of itself are relative
PURE_FILES = (
    *(CLIENT / f"{name}.py" for name in ("acks", "backoff", "changes", "errors", "stream")),
    ROOT / "runtime" / "assignment.py",
    ROOT / "runtime" / "backoff.py",
)

# What pure code may import: these parts of the standard library, msgspec, and pure code.
PURE_IMPORTS = frozenset(
    """
    __future__ abc ast base64 binascii bisect calendar collections contextlib copy dataclasses datetime decimal enum
    fractions functools hashlib heapq itertools json keyword math msgspec numbers operator re string struct textwrap
    types typing unicodedata uuid zlib bridge
    """.split()  # noqa: SIM905 - a list of 30 literals reads worse
)
IMPURE_CALLS = frozenset({
    "open", "print", "input", "breakpoint", "exec", "eval",
    "date.today", "datetime.now", "datetime.today", "datetime.utcnow", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4",
})  # fmt: skip
ASYNC = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def imported_modules(node: ast.AST) -> list[str]:
    """The modules that an import statement names; a relative one as itself (it stays in its pure folder)."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module]
    return []


def is_pure_import(module: str) -> bool:
    return (
        module.split(".", maxsplit=1)[0] in PURE_IMPORTS
        or module == "runtime.backoff"
        or any(f"{module}.".startswith(f"{folder.replace('/', '.')}.") for folder in PURE_FOLDERS)
    )


def impurities(source: str) -> Iterator[str]:
    """What in `source` could see or change the world outside its arguments: line and reason."""
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        yield from (f"{line}: import of {name}" for name in imported_modules(node) if not is_pure_import(name))
        if isinstance(node, ASYNC):
            yield f"{line}: {type(node).__name__}"
        if isinstance(node, ast.Global):
            yield f"{line}: global {', '.join(node.names)}"
        if isinstance(node, ast.Call) and (name := ".".join(ast.unparse(node.func).split(".")[-2:])) in IMPURE_CALLS:
            yield f"{line}: call of {name}"


def pure_files() -> list[Path]:
    return sorted([*PURE_FILES, *(path for folder in PURE_FOLDERS for path in (ROOT / folder).rglob("*.py"))])


@pytest.mark.parametrize("path", pure_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_translation_and_rules_are_pure(path: Path) -> None:
    assert list(impurities(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import time",
        "from time import time",
        "import logging.config",
        "from django.db import models",
        "from devices import models",
        "async def f(): pass",
        "def f(): return datetime.now(UTC)",
        "def f(): return datetime.datetime.utcnow()",
        "def f(): return uuid.uuid4()",
        "def f(p): return open(p)",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_the_purity_check_sees_impure_code(source: str) -> None:
    assert list(impurities(source))


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\nMOMENT = datetime(2000, 1, 1, tzinfo=UTC)",
        "import msgspec\nfrom bridge.names import group\nfrom devices.rules.twin import TwinState\nfrom . import twin",
        "def f(m): return m.reopen()",
    ],
)
def test_the_purity_check_lets_pure_code_pass(source: str) -> None:
    assert list(impurities(source)) == []


@pytest.mark.parametrize("path", sorted(CLIENT.rglob("*.py")), ids=lambda path: path.name)
def test_the_client_imports_the_standard_library_websockets_and_itself(path: Path) -> None:
    imported = {
        name.partition(".")[0] for node in ast.walk(ast.parse(path.read_text())) for name in imported_modules(node)
    }
    assert imported <= sys.stdlib_module_names | {"websockets"}


def test_the_client_runs_where_it_is_copied_to(tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / "causeway_client")
    program = (
        "import sys, causeway_client; causeway_client.Client('ws://localhost/ws/v1/', 'token');"
        "print({name.partition('.')[0] for name in sys.modules} & {'bridge', 'config', 'devices', 'django', 'msgspec'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_import_arrows_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Circles -------------------------------------------------------------------------------------------------------------


def sources(*packages: str) -> dict[str, str]:
    """The text of every module of ours, by its dotted name; a package's ``__init__`` has the package's name."""
    files = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in files}


def import_graph(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Which of the modules each of them imports: also for type checking only, also inside a function."""
    known = {name.removesuffix(".__init__"): name for name in texts}
    return {
        name: {known[one] for one in imported_names(name, text) if one in known} - {name}
        for name, text in texts.items()
    }


def imported_names(module: str, text: str) -> Iterator[str]:
    """All that could be a module in the module's import statements: what is imported, and what it is imported from."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (source, *(f"{source}.{alias.name}" for alias in node.names))


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle of imports, each imported by the next; none when there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert circle_in(import_graph(sources(*PACKAGES, "bench"))) == []


@pytest.mark.parametrize(
    "back",
    [
        "import a.one",
        "from a import one",
        "from a.one import Name",
        "from . import one",
        "from .one import Name",
        "if TYPE_CHECKING:\n    from a.one import Name",
        "def late():\n    from a.one import Name",
    ],
)
def test_the_search_for_circles_sees_them(back: str) -> None:
    texts = {"a.__init__": "", "a.one": "from a.two import f", "a.two": "import a.three", "a.three": back}
    assert set(circle_in(import_graph(texts))) == {"a.one", "a.two", "a.three"}
    assert circle_in(import_graph(texts | {"a.three": "import json\nfrom a import name"})) == []


def test_one_module_alone_holds_the_mqtt_client() -> None:
    """The MQTT client is the first thing to outgrow: it stays behind one interface."""
    users = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if any("aiomqtt" in imported_modules(node) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert len(users) == 1, users


def package_files() -> list[Path]:
    """The ``__init__.py`` of every folder with Python modules, migrations apart."""
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    return sorted(folder / "__init__.py" for folder in folders if folder.name != "migrations")


@pytest.mark.parametrize("path", package_files(), ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_every_folder_says_what_it_is_for(path: Path) -> None:
    if path.parent.name in {"management", "commands"} and not path.read_text():
        return  # Django's own convention; the commands document themselves
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path.relative_to(ROOT)} has no docstring"


def test_image_wheel_and_contracts_have_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    contracts = set(project["importlinter"]["root_packages"])
    wheel = {name.rstrip("*") for name in project["setuptools"]["packages"]["find"]["include"]}
    image = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert set(PACKAGES) == contracts == wheel == {name for name in image if (ROOT / name / "__init__.py").exists()}


# ---- sizes: one look takes in any folder, module or function

SIZED = sorted({*PACKAGES, "bench", "tests/support"})
MOST_ENTRIES, MOST_MODULE_LINES, MOST_FUNCTION_LINES = 15, 299, 39
DJANGOS = {"admin.py", "apps.py", "management", "migrations"}  # stand in an app because Django looks for them there


def sized_files() -> list[Path]:
    """All modules but migrations, which Django writes."""
    return sorted(path for part in SIZED for path in (ROOT / part).rglob("*.py") if path.parent.name != "migrations")


def entries(folder: Path) -> list[str]:
    """What a look at a folder shows: its files and folders, without what is the same in all of them."""
    found = {path.name for path in folder.iterdir() if not path.name.startswith(("__", "."))}
    return sorted(found - DJANGOS if "apps.py" in found else found)


def long_functions(source: str) -> Iterator[str]:
    """Functions and methods with too many lines, from ``def`` to their last one, docstrings counted in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield f"{node.lineno}: {node.name} has {lines} lines"


def sized_folders() -> list[Path]:
    """All folders but migrations and what is built: pages' templates and sources, too."""
    found = [folder for part in SIZED for folder in (ROOT / part, *(ROOT / part).rglob("*")) if folder.is_dir()]
    return sorted(folder for folder in found if folder.name not in {"migrations", "__pycache__", "dist"})


def test_one_look_takes_in_any_folder() -> None:
    shown = {str(folder.relative_to(ROOT)): entries(folder) for folder in sized_folders()}
    assert len(shown) > 50
    assert {folder: found for folder, found in shown.items() if len(found) > MOST_ENTRIES} == {}


def test_modules_are_short() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sized_files()}
    assert len(lines) > 200
    assert {path: count for path, count in lines.items() if count > MOST_MODULE_LINES} == {}


def test_functions_are_short() -> None:
    found = {str(path.relative_to(ROOT)): list(long_functions(path.read_text())) for path in sized_files()}
    assert {path: functions for path, functions in found.items() if functions} == {}


def test_the_size_check_sees_what_is_long() -> None:
    body = '    """One line."""\n' + "    x = 1\n" * 37
    assert list(long_functions(f"async def f():\n{body}")) == []
    assert list(long_functions(f"@cached\ndef f():\n{body}    x = 2\n")) == ["2: f has 40 lines"]
