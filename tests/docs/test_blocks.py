"""Every block of README and docs/ that a reader may run does what the page says, or the page's source says why not."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.docs.blocks import PAGES, ROOT, Block, blocks, complaint, parse
from tests.docs.likeness import is_like
from tests.docs.reader import BlockError, Reader
from tests.docs.web_page import show
from tests.support.waiting import eventually

CLIENT = ROOT / "devices" / "web" / "static" / "causeway" / "client"
COMPOSE_ONLY = {"PORT", "MQTT_PORT", "MQTT_HOST", "POSTGRES_PASSWORD", "SECRETS"}


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    wrong = {block.name: complaint(block) for block in blocks(page)}
    assert not {name: said for name, said in wrong.items() if said}


def test_a_block_that_says_nothing_is_noticed() -> None:
    fence = "```"
    text = (
        f"\n\n{fence}yaml\na: 1\n{fence}\n\n<!-- not run: reasons -->\n{fence}sh\nls\n{fence}\n\n"
        f"{fence}\n$ ls\n{fence}\n"
    )
    assert [complaint(block) for block in parse("docs/x.md", text)] == [
        "nothing runs yaml here, and no remark says why",
        "no reason",
        "commands in a block without a language",
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if any(one.runs_here for one in blocks(page))], ids=names)
def test_the_blocks_do_what_the_page_says(page: Path, reader: Reader, visitor: Callable[[], BrowserContext]) -> None:
    for block in blocks(page):
        if not block.runs_here:
            continue
        try:
            run(block, reader, visitor)
        except AssertionError as error:
            raise BlockError(f"{block.name}\n{block.code}\n{error}") from error


def run(block: Block, reader: Reader, visitor: Callable[[], BrowserContext]) -> None:
    """Carry out a block.

    Raises:
        AssertionError: it does not do what the page says.
    """
    match block.language:
        case "sh":
            reader.shell(block.code)
        case "console":
            session(block.code, reader)
        case "dotenv":
            settings(block.code)
        case "python":
            reader.python(block.code, block.says)
        case "json":
            answer(block, reader)
        case "html":
            show(visitor(), reader.demo.url, reader.demo.here(block.code))
        case "js":
            script(block.code, reader, visitor)


def session(code: str, reader: Reader) -> None:
    """Commands after ``$``, each with what it prints; nothing shown: anything."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, shown = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", part, re.DOTALL).groups()  # type: ignore[union-attr]
        printed = reader.shell(command)
        assert not shown.strip() or is_like(shown, printed), f"$ {command}\nprinted {printed}\nnot {shown}"


def settings(code: str) -> None:
    """Lines of an environment file name settings that there are."""
    known = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "configuration.md").read_text())) | COMPOSE_ONLY
    used = re.findall(r"^#?([A-Z_]+)=", code, re.MULTILINE)
    assert used
    assert not [name for name in used if name.removesuffix("_FILE") not in known]


def answer(block: Block, reader: Reader) -> None:
    """JSON that the server answers, or that the block before printed; each line of several for itself."""
    if block.remark == "printed above":
        lines = reader.printed.splitlines()
        for shown in block.code.splitlines():
            assert any(is_like(shown, line) for line in lines), f"{shown}\nis not in\n{reader.printed[:5000]}"
        return
    assert block.remark == "answer", "no remark says what answers this"

    path, *members = block.says.removeprefix("GET ").split()

    def alike() -> bool:
        found = reader.get(path).raise_for_status().json()
        for name in members:
            found = found[int(name) if name.isdecimal() else name]
        assert is_like(block.code, json.dumps(found)), f"the answer is\n{json.dumps(found)}"
        return True

    eventually(alike, 10)


def script(code: str, reader: Reader, visitor: Callable[[], BrowserContext]) -> None:
    """A module of a page, or of Node.js with the client's files beside it; it must print something."""
    if '"/static/' in code:
        show(visitor(), reader.demo.url, f'<script type="module">{reader.demo.here(code)}</script>')
        return
    shutil.copytree(CLIENT, reader.directory / "client")
    (reader.directory / "program.mjs").write_text(reader.demo.here(code))
    node = shutil.which("node", path=f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}")
    assert node
    options = [] if reader.run([node, "-p", "typeof WebSocket"]).strip() == "function" else ["--experimental-websocket"]
    reader.run([node, *options, "program.mjs"], until="demo/")
