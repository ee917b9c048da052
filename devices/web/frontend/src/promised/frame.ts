/** Promised to other people's pages: showing content between the frame. New pages register themselves instead (register.ts). */

import type { ComponentChildren } from "preact";

import { page } from "../document/page";
import { registerPage } from "../document/registry";

/** Show a page's content between its frame. */
export function show(content: ComponentChildren): void {
  registerPage(page.name, { component: () => content });
}
