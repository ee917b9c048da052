/** Which page an address leads to, and having its module and style sheets there before it is shown. */

import { exec } from "preact-iso/router";

import { may, page } from "../document/page";
import type { PageEntry } from "../document/page";
import { registeredPage } from "../document/registry";
import type { PageDefinition } from "../document/registry";
import { getPage } from "../data/rest";
import { fetchStyles, hasStyles, useStyles } from "../document/styles";

/** A page at a place. */
export interface Route {
  entry: PageEntry;
  params: { [name: string]: string };
  /** the same page with other parameters is another one */
  key: string;
}

/** A route with all that it takes to show it. */
export interface Ready {
  route: Route;
  definition: PageDefinition;
  data: { [name: string]: any };
  title: string;
}

const GROUPS: { [name: string]: () => Promise<unknown> } = {
  fleet: () => import("../fleet/page"),
  device: () => import("../device/page"),
  ops: () => import("../ops/page"),
  mappings: () => import("../mappings/page"),
  kit: () => import("../kit/page"),
};

/** The page that a path leads to; null: none that is shown in this document. */
export function routeOf(path: string): Route | null {
  for (const entry of page.pages) {
    const found = exec(path, entry.path, { path, query: {}, params: {} });
    if (!found) continue;
    const params: { [name: string]: string } = found.params;
    return { entry, params, key: `${entry.name} ${JSON.stringify(params)}` };
  }
  return null;
}

/** Whether a link leads to another page within this document. */
export function isWithin(href: string): boolean {
  const url = new URL(href, location.href);
  const route = routeOf(url.pathname);
  if (url.origin !== location.origin || route === null || route.entry.document) return false;
  const { entry, params } = route;
  return !entry.capability || !params["site"] || may(entry.capability, params["site"]); // else the server says so
}

/** What is there already: for these pages nobody waits. */
export function readyAtOnce(route: Route): Ready | null {
  const { entry } = route;
  const definition = registeredPage(entry.name);
  if (!definition || entry.data || !hasStyles(entry.styles)) return null;
  useStyles(entry.styles);
  return { route, definition, data: {}, title: entry.title };
}

/**
 * Fetch what is missing.
 *
 * @param isFirst  the page that the document was made for: its data came with it
 * @throws {Error} a part of it did not arrive, or the server has to say itself why not
 */
export async function prepare(route: Route, isFirst: boolean): Promise<Ready> {
  const { entry } = route;
  const [definition, answer] = await Promise.all([
    load(entry),
    isFirst || !entry.data ? { title: entry.title, data: page } : getPage(location.href),
    fetchStyles(entry.styles),
  ]);
  if (!answer) throw new Error("the server answers with a page of its own");
  useStyles(entry.styles);
  return { route, definition, data: answer.data, title: answer.title };
}

/** Have the other bundles there before somebody asks: also when a deploy has replaced them meanwhile. */
export async function loadAhead(): Promise<void> {
  for (const entry of page.pages) {
    if (entry.module !== null || entry.name === "kit") continue;
    await GROUPS[entry.name]?.().catch(() => {}); // then when it is asked for
    await fetchStyles(entry.styles);
  }
}

async function load({ name, module }: PageEntry): Promise<PageDefinition> {
  await (module === null ? GROUPS[name]?.() : import(module));
  const definition = registeredPage(name);
  if (!definition) throw new Error(`the module of ${name} has not registered it`);
  return definition;
}
