/** What the server put into the document: who looks, what they may do, where things are. */

import { language, setLocale } from "./words/locale.js";

export interface Preferences {
  theme: "system" | "light" | "dark";
  /** null: as the browser has it */
  language: "en" | "de" | null;
  time_zone: string | null;
}

export interface Page {
  user: { name: string; staff: boolean; board: number | null };
  preferences: Preferences;
  /** of the pages, as the server had them when this one was loaded */
  version: string;
  /** "*" for all sites */
  roles: { [site: string]: string };
  /** "*" for all sites */
  capabilities: { [site: string]: string[] };
  /** which page it is */
  name: string;
  /** what all paths begin with: "", or a prefix like "/causeway" */
  base: string;
  ws: string;
  api: string;
  mqtt: { root: string; port: number; auto_register: boolean };
  /** on a device page: its key */
  device?: string;
  /** on a device page: the user's role at its site */
  role?: string;
  /** what the page's `data` gave, on an app's page */
  [more: string]: unknown;
}

export const page: Page = JSON.parse(document.getElementById("page")?.textContent ?? "{}");

setLocale(
  { language: page.preferences?.language, zone: page.preferences?.time_zone },
  navigator.languages,
);
document.documentElement.lang = language();

/**
 * May the user do this at a site? The server asks the same table (devices/rules/capabilities.py) again.
 *
 * @param site  that of the page's device by default
 */
export function may(capability: string, site = page.device?.split("/")[0] ?? "*"): boolean {
  return ["*", site].some((name) => page.capabilities[name]?.includes(capability) ?? false);
}

/** @param key  site/device */
export function deviceUrl(key: string): string {
  return `${page.base}/devices/${key}`;
}

/** What this browser remembers between visits. Never fails: storage may be full, switched off or hold nonsense. */
export function recall<T>(name: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(`causeway.${name}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(`causeway.${name}`, JSON.stringify(value));
  } catch {
    // then not
  }
}
