/** What of a page's state stands in the address: it can be bookmarked, sent to others, and survives a reload. */

import { computed, effect, signal, untracked } from "@preact/signals";

const search = signal(location.search);

/** The parameters of the document's address as it is now. */
export const parameters = computed(() => new URLSearchParams(search.value));

/** The address may have changed: by a link, or by going back or forward. */
export function readAddress(): void {
  search.value = location.search;
}

/** Have a page's state follow the address, from now on. @returns stops it, when the page is no longer shown */
export function whileShown(read: (parameters: URLSearchParams) => void): () => void {
  readAddress();
  return effect(() => read(parameters.value));
}

export interface Changes {
  /** by name: what it is, several values, or null: nothing */
  [name: string]: string | string[] | null;
}

/** The address of this page with other parameters, for a link. */
export function linkTo(changes: Changes): string {
  const told = new URLSearchParams(parameters.value);
  for (const [name, value] of Object.entries(changes)) {
    told.delete(name);
    for (const one of value === null ? [] : [value].flat()) if (one !== "") told.append(name, one);
  }
  const text = told.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  return text ? `?${text}` : location.pathname;
}

/** Change parameters of this place in the history; no new one is made. */
export function tell(changes: Changes): void {
  readAddress();
  const wanted = untracked(() => linkTo(changes));
  if (wanted !== (location.search || location.pathname)) history.replaceState(history.state, "", wanted);
  readAddress();
}
