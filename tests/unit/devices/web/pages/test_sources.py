"""What the pages' sources are held to: a wrong prop fails the type check, and their texts stand in the catalogues."""

import re
import subprocess
from pathlib import Path

from tests.support.environment import ROOT
from tests.support.pages import FRONTEND

TSC = ROOT / "node_modules" / ".bin" / "tsc"
TIMEOUT_S = 120
WRONG = """import {{ Panel }} from "{kit}/panel";
export const right = <Panel title="Right">text</Panel>;
export const missing = <Panel>text</Panel>;
export const wrong = <Panel title={{1}}>text</Panel>;
export const unknown = <Panel title="Wrong" titel="Wrong">text</Panel>;
"""

# Text between tags, and attributes that people read or hear. (Names, marks and numbers are no words of a language.)
TEXT = re.compile(r">\s*([^<>{}=();&|]*\b[A-Za-z]{3,}[^<>{}=();&|]*)\s*</")
ATTRIBUTE = re.compile(r"\b(?:title|placeholder|alt|label|aria-label|aria-description)=\"([^\"]*[A-Za-z]{2}[^\"]*)\"")
NAME = re.compile(r"<code>[^<{]*</code>")  # what is typed elsewhere as it stands
NO_PAGE_OF_USERS = {"kit"}  # /kit is for developers


def test_a_wrong_prop_fails_the_type_check(tmp_path: Path) -> None:
    (tmp_path / "wrong.tsx").write_text(WRONG.format(kit=FRONTEND / "src" / "kit"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "tsconfig.json").write_text(f'{{"extends": "{ROOT / "tsconfig.json"}", "include": ["wrong.tsx"]}}')
    done = subprocess.run(
        [TSC, "-p", tmp_path / "tsconfig.json"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    lines = {int(found[1]) for found in re.finditer(r"wrong\.tsx\((\d+),\d+\): error TS", done.stdout)}
    assert (done.returncode != 0, lines) == (True, {3, 4, 5}), done.stdout


def inline(source: str) -> list[str]:
    """Texts that stand in a template themselves."""
    words = NAME.sub("", source)
    return [found.strip() for pattern in (TEXT, ATTRIBUTE) for found in pattern.findall(words)]


def test_inline_texts_are_seen() -> None:
    source = (
        '<h2>Nothing yet</h2><p title="Sign out" class="a wide">{t("a.b")}</p><i alt={t("x")} />×<code>make x</code>'
    )
    assert inline(source) == ["Nothing yet", "Sign out"]


def test_no_template_has_a_text_of_its_own() -> None:
    templates = [path for path in (FRONTEND / "src").rglob("*.tsx") if path.parent.name not in NO_PAGE_OF_USERS]
    assert len(templates) > 20
    found = {str(path.relative_to(FRONTEND)): texts for path in templates if (texts := inline(path.read_text()))}
    assert found == {}
