/** The REST API, with the page's session. */

import { signal } from "@preact/signals";

import type {
  Command,
  EventRow,
  JsonObject,
  Note,
  Overview,
  QuarantinedMessage,
  Reading,
  RejectedTopic,
} from "#client/types.js";
import { heardFrom } from "./clock";
import { refusedBy, unanswered } from "./failures";
import { page } from "../document/page";
import type { SeriesAnswer } from "../device/telemetry/charts/drawings.js";
import type { Preferences } from "../document/page";

/** The server has a newer version of the pages than this document. */
export const newer = signal(false);

const LIMIT_MS = 15_000;
const AGAIN_MS = 500;

type Query = { [name: string]: string | number };

/**
 * @param path  below the API's root
 * @param more  parameters that come more than once
 * @param signal  whoever asked wants it no more
 * @throws {Error} its message says what is wrong, and what to do about it
 */
export function get<T>(path: string, query: Query, more: [name: string, value: string][] = [], signal?: AbortSignal): Promise<T> {
  const url = new URL(page.api + path, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  for (const [name, value] of more) url.searchParams.append(name, value);
  return answered(url, { headers: { Accept: "application/json" }, ...(signal && { signal }) }, AGAIN_MS);
}

/** @param again_ms  ask once more after so long if nothing was answered (a network that changed); 0: don't */
async function answered(url: URL, request: RequestInit, again_ms = 0): Promise<any> {
  const asked_ms = Date.now();
  const response = await fetch(url, { ...request, signal: limited(request.signal) }).catch((error) => {
    if (!again_ms || error.name === "TimeoutError" || error.name === "AbortError") throw new Error(unanswered(error));
  });
  if (!response) {
    await new Promise((done) => setTimeout(done, again_ms));
    return answered(url, request);
  }
  heardFrom(response, asked_ms);
  const version = response.headers.get("Causeway-Version");
  if (version && page.version && version !== page.version) newer.value = true;
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(refusedBy(response.status, problem.detail ?? problem.title ?? ""));
}

/** Aborts with another signal, and in any case after a while. */
function limited(signal?: AbortSignal | null): AbortSignal {
  const limit = AbortSignal.timeout(LIMIT_MS);
  if (!signal) return limit;
  const either = new AbortController();
  for (const one of [signal, limit]) one.addEventListener("abort", () => either.abort(one.reason));
  return either.signal;
}

export interface ReadingsQuery {
  metric?: string;
  since?: number;
  until?: number;
  after_rev?: number;
  order?: "newest";
  cursor?: string;
  limit?: number;
}

/** Readings in `rev` order, or by `ts`, the newest first. */
export function getReadings(
  device: string,
  query: ReadingsQuery,
): Promise<{ items: Reading[]; next: string | null }> {
  return get(`devices/${device}/readings`, query as Query);
}

/** Metrics of devices over a time, in few points. */
export function getSeries(
  devices: readonly string[],
  metrics: readonly string[],
  query: { since: number; until: number; points: number; fields: string; digits?: number },
  signal: AbortSignal,
): Promise<{ series: SeriesAnswer[] }> {
  const named = (name: string, values: readonly string[]) => values.map((value): [string, string] => [name, value]);
  return get("series", query as Query, [...named("device", devices), ...named("metric", metrics)], signal);
}

/** The latest commands of a device. */
export function getCommands(device: string, limit: number): Promise<{ items: Command[] }> {
  return get(`devices/${device}/commands`, { limit });
}

/** The latest events of a device. */
export function getEvents(device: string, limit: number): Promise<{ items: EventRow[] }> {
  return get(`devices/${device}/events`, { limit });
}

/** What of a device's messages was not taken as it came. */
export function getNotes(device: string): Promise<{ items: Note[] }> {
  return get(`devices/${device}/notes`, {});
}

/** Take a command back that the device has not answered yet. */
export function cancelCommand(id: string): Promise<Command> {
  return post(`commands/${id}/cancel`);
}

/** Takes a metric out of a device's twin. */
export function removeMetric(device: string, name: string): Promise<null> {
  return post(`devices/${device}/metrics/${encodeURIComponent(name)}`, "DELETE");
}

/** What an operator sees of the whole installation. */
export function getOverview(): Promise<Overview> {
  return get("ops", {});
}

/** The latest quarantined messages. */
export function getQuarantine(query: {
  limit: number;
  device?: string;
}): Promise<{ items: QuarantinedMessage[]; next: string | null }> {
  return get("quarantine", query as Query);
}

/** What was nobody's, by topic and reason. */
export function getRejected(query: { limit: number; topic?: string }): Promise<{ items: RejectedTopic[] }> {
  return get("rejected", query as Query);
}

/** Have a quarantined message carried out again. */
export function replayQuarantined(id: number): Promise<{ outcome: string; reason: string; detail: string }> {
  return post(`quarantine/${id}/replay`);
}

/** A page that is open is in use: a request now and then renews its session's cookie, which no WebSocket can. */
export async function stay(): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  await fetch(`${page.api}version`, { method: "HEAD", signal }).catch(() => {});
}

/** Why a WebSocket to this place is refused, as the server says it to a plain request; "" if it does not answer. */
export async function refusal(path: string): Promise<string> {
  try {
    const answer = await fetch(path, { method: "POST", signal: AbortSignal.timeout(LIMIT_MS) });
    return answer.status === 426 || answer.status === 403 ? String((await answer.json()).detail ?? "") : "";
  } catch {
    return "";
  }
}

/** Devices by a part of their key, upper or lower case. */
export function findDevices(
  q: string,
  limit: number,
): Promise<{ items: { device: string; reported: JsonObject; description?: JsonObject }[] }> {
  return get("devices", { q, limit });
}

/** Keep how the user wants the pages; what is left out stays. */
export function keepPreferences(changes: Partial<Preferences>): Promise<Preferences> {
  return post("me/preferences", "PATCH", changes);
}

/** What a user has kept of a page under a name. */
export interface SavedView {
  id: number;
  name: string;
  page: string;
  /** as it stands behind the address's `?` */
  query: string;
}

/** The user's saved views, of all pages. */
export function getViews(): Promise<{ items: SavedView[] }> {
  return get("me/views", {});
}

/** Save what a page shows. */
export function saveView(view: Omit<SavedView, "id">): Promise<SavedView> {
  return post("me/views", "POST", view);
}

/** Rename a view, or have it show something else. */
export function changeView(id: number, changes: Partial<Pick<SavedView, "name" | "query">>): Promise<SavedView> {
  return post(`me/views/${id}`, "PATCH", changes);
}

/** Forget a view. */
export function removeView(id: number): Promise<null> {
  return post(`me/views/${id}`, "DELETE");
}

/** An error of a page, for the server's log. */
export function reportError(error: {
  message: string;
  stack: string;
  page: string;
  panel: string;
  version: string;
}): Promise<null> {
  return post("client-errors", "POST", error);
}

/** One command, however long ago it was sent. */
export function getCommand(id: string): Promise<Command> {
  return get(`commands/${id}`, {});
}

/** Ask which version of the pages the server has; `newer` tells. */
export async function askVersion(): Promise<void> {
  await get("version", {}).catch(() => {}); // the next answer tells it
}

/** What a page's `data` gives at the server, and its title; null: that takes a document of its own, to log in, say. */
export async function getPage(url: string): Promise<{ title: string; data: { [name: string]: unknown } } | null> {
  const headers = { Accept: "application/json" };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(LIMIT_MS) });
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json") ?? false;
  return answer.ok && isJson ? answer.json() : null;
}

/** @param path  below the API's root */
export function post(path: string, method = "POST", body?: object): Promise<any> {
  const token = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]");
  const headers = { Accept: "application/json", "X-CSRFToken": token?.value ?? "" };
  const json = body && { "Content-Type": "application/json" };
  const content = body && { body: JSON.stringify(body) };
  return answered(new URL(page.api + path, location.href), { method, headers: { ...headers, ...json }, ...content });
}
