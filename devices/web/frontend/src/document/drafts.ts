/** What somebody has begun to write and not sent: kept by the tab, for who comes back to it or loads the page again. */

import { page } from "./page";

const MOST_CHARS = 100_000;

/** @param name  of what is written, and of what it is about: "desired demo/pump-1" @param draft  null: it is no more */
export function keepDraft(name: string, draft: unknown): void {
  try {
    const text = draft === null ? "" : JSON.stringify(draft);
    if (text === "" || text.length > MOST_CHARS) sessionStorage.removeItem(placeOf(name));
    else sessionStorage.setItem(placeOf(name), text);
  } catch {
    // storage is full or switched off: then not
  }
}

/** null: there is none. */
export function draftOf<T>(name: string): T | null {
  try {
    return JSON.parse(sessionStorage.getItem(placeOf(name)) ?? "null");
  } catch {
    return null;
  }
}

/** Whoever signs in after somebody else finds nothing of theirs. */
function placeOf(name: string) {
  return `causeway.draft.${page.user.name}.${name}`;
}
