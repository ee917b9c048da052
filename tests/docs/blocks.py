"""The code blocks of README and docs/, and what the pages' sources say about running them.

A comment right before a block, invisible to readers, says what is not the usual:

- ``<!-- not run: why -->``
- ``<!-- run by: tests/… -->``: that test runs the block, or holds it equal to what it runs
- ``<!-- run until: text -->``: it does not end by itself; what it prints has this text
- ``<!-- printed above -->``: what the block before prints
- ``<!-- answer: GET /path -->``: what the server answers there
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "mosquitto" / "README.md"],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)
PICTURES: Final = {"", "text"}
"""Languages of blocks that nobody can run."""
RUN: Final = {"console", "dotenv", "html", "js", "json", "python", "sh"}
"""Languages that are run here unless a remark says otherwise."""

_FENCE: Final = re.compile(r"^( *)```(?P<language>\S*)\n(?P<code>.*?)^\1```$", re.DOTALL | re.MULTILINE)
_REMARK: Final = re.compile(r"<!-- (not run|run by|run until|printed above|answer)(?:: (.+?))? -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """One block."""

    page: str
    """Relative to the root."""
    line: int
    language: str
    code: str
    remark: str = ""
    """What kind of a remark stands before it."""
    says: str = ""
    """The rest of the remark."""

    @property
    def name(self) -> str:
        """``docs/mqtt.md:12``."""
        return f"{self.page}:{self.line}"

    @property
    def runs_here(self) -> bool:
        """Is it for this folder to run?"""
        return self.language in RUN and self.remark not in ("not run", "run by")


def blocks(page: Path) -> list[Block]:
    """A page's blocks, in order."""
    return parse(page.relative_to(ROOT).as_posix(), page.read_text())


def parse(name: str, text: str) -> list[Block]:
    """The blocks of a page's text."""
    return [_block(name, text, fence) for fence in _FENCE.finditer(text)]


def _block(name: str, text: str, fence: re.Match[str]) -> Block:
    before = text[: fence.start()]
    remark = _REMARK.search(before)
    indent = len(fence[1])
    code = "".join(f"{line[indent:]}\n" for line in fence["code"].splitlines())
    kind, says = (remark[1], remark[2] or "") if remark else ("", "")
    return Block(name, before.count("\n") + 1, fence["language"], code, kind, says)


def complaint(block: Block) -> str:
    """Why a block is neither run nor says why not; "" if all is well."""
    if block.language in PICTURES:
        return "commands in a block without a language" if re.search(r"^\$ ", block.code, re.MULTILINE) else ""
    if block.remark == "not run":
        return "" if len(block.says.split()) > 1 else "no reason"
    if block.remark == "run by":
        test = ROOT / block.says
        known = test.is_file() and block.page.rpartition("/")[2] in test.read_text()
        return "" if known else f"{block.says} does not name this page"
    return "" if block.language in RUN else f"nothing runs {block.language} here, and no remark says why"
