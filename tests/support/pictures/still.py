"""A picture of a page without what is another one each time: numbers, ages, names made at random, what charts draw."""

from typing import Final

from playwright.sync_api import Page

MOST_PX: Final = 2600
"""How much of a long page is in its picture: what comes further down is more of the same."""

# In place of the living body stands a copy, which no script changes any more; the living one comes back afterwards.
# Digits become one "0", so neither the time nor a count is in the picture. A copied canvas is empty.
STILL = r"""
() => {
  const living = document.body;
  const copy = living.cloneNode(true);
  const chosen = [...living.querySelectorAll("input, select, textarea")];
  copy.querySelectorAll("input, select, textarea").forEach((field, nth) => {
    if (field.tagName === "SELECT") field.selectedIndex = chosen[nth].selectedIndex;
    else field.value = chosen[nth].value;
    field.checked = chosen[nth].checked;
  });
  const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement, data } = texts.currentNode;
    if (/STYLE|SCRIPT/.test(parentElement.tagName)) continue;
    texts.currentNode.data = data.replace(/\d[\d.,: \u202f\u00a0]*\d|\d+/g, "0").replace(/\b0 (ms|s|min|h)\b/g, "0 s");
  }
  for (const name of copy.querySelectorAll(".worker-name")) name.textContent = "worker";
  for (const time of copy.querySelectorAll("time")) time.textContent = "0 s";
  for (const lane of copy.querySelectorAll(".marks-lane")) lane.removeAttribute("style");
  for (const mark of copy.querySelectorAll(".mark, .spell")) mark.remove();
  globalThis.backToLife = () => copy.replaceWith(living);
  living.replaceWith(copy);
}
"""


def picture(page: Page, width: int, scheme: str) -> bytes:
    """The whole page as PNG, at a width in CSS pixels and in a colour scheme ("light" or "dark")."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page.mouse.move(0, 0)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    page.evaluate(STILL)
    try:
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        part = {"x": 0, "y": 0, "width": wide, "height": min(high, MOST_PX)}
        return page.screenshot(full_page=True, clip=part, animations="disabled", caret="hide")  # type: ignore[arg-type]
    finally:
        page.evaluate("backToLife()")
