/** Light or dark: by what is chosen, else by the system. What is drawn on a canvas is drawn anew when it changes. */

import { signal } from "@preact/signals";

import { page } from "../document/page";
import type { Preferences } from "../document/page";

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

export const theme = signal<"light" | "dark">(present());

system.addEventListener("change", () => (theme.value = present()));

/** Show this theme from now on, in this document. */
export function setTheme(chosen: Preferences["theme"]): void {
  page.preferences.theme = chosen;
  root.dataset["theme"] = chosen;
  theme.value = present();
}

function present() {
  const chosen = root.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}
