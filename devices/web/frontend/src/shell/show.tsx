/** Puts a page's content between its frame. */

import { render } from "preact";
import type { ComponentChildren } from "preact";

import { Banner, LinkIndicator } from "./frame";

/** Show a page's content between its frame. */
export function show(content: ComponentChildren): void {
  const main = element("main");
  render(<LinkIndicator />, element("link-indicator"));
  render(<Banner />, element("banner"));
  main.replaceChildren();
  document.documentElement.dataset["started"] = "yes"; // see templates/causeway/boot.js
  try {
    sessionStorage.removeItem("causeway.attempts");
  } catch {
    // then there was none
  }
  render(content, main);
  keepHeight();
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error("not a page of ours");
  return found;
}

/** Tell the style sheets how much sticks to the top. */
function keepHeight() {
  const top = element("top");
  const tell = () => document.documentElement.style.setProperty("--top", `${top.offsetHeight}px`);
  new ResizeObserver(tell).observe(top);
}

/** Menus (details elements) close on a click elsewhere and on Escape. */
function closeMenus(event?: Event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!event || !menu.contains(event.target as Node)) menu.removeAttribute("open");
  }
}
