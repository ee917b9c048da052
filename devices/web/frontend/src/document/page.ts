/** What the server put into the document: who looks, what they may do, where things are. */

import { language, setLocale } from "../words/locale.js";

export interface Preferences {
  theme: "system" | "light" | "dark";
  /** null: as the browser has it */
  language: "en" | "de" | null;
  time_zone: string | null;
}

/** One of the pages that the user may open. */
export interface PageEntry {
  name: string;
  title: string;
  /** with `:parameters` */
  path: string;
  /** needed at the path's `site`, or anywhere; null: whoever is signed in */
  capability: string | null;
  /** the URL of its module; null: it is one of Causeway's own bundles */
  module: string | null;
  /** URLs of its style sheets */
  styles: string[];
  /** whether the server has data for it */
  data: boolean;
  /** it has a template of its own: it is not shown in another page's document */
  document: boolean;
}

/** A panel that an app adds to the page of a device. */
export interface PanelEntry {
  name: string;
  title: string;
  module: string;
  styles: string[];
  /** needed at the device's site; null: whoever sees the device */
  capability: string | null;
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
  /** which page the document was made for */
  name: string;
  /** what all paths begin with: "", or a prefix like "/causeway" */
  base: string;
  ws: string;
  api: string;
  mqtt: { root: string; port: number; auto_register: boolean };
  pages: PageEntry[];
  panels: PanelEntry[];
  /** what the page's `data` gave */
  [more: string]: any;
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
 * @param site  without it: at all sites
 */
export function may(capability: string, site = "*"): boolean {
  return ["*", site].some((name) => page.capabilities[name]?.includes(capability) ?? false);
}

/** The site of a device's key. */
export function siteOf(key: string): string {
  return key.split("/")[0] ?? "";
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
