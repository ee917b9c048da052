/** The REST API, with the page's session. */

import { heardFrom } from "./clock.js";
import { page } from "./page.js";

/** @import {Command, EventRow, Note, Overview, QuarantinedMessage, Reading, RejectedTopic} from "./client/types.js" */

const LIMIT_MS = 15_000;
const AGAIN_MS = 500;

/**
 * @template T
 * @param {string} path  below the API's root
 * @param {{[name: string]: string | number}} query
 * @returns {Promise<T>}
 * @throws {Error} with the problem's title
 */
function get(path, query) {
  const url = new URL(page.api + path, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return answered(url, { headers: { Accept: "application/json" } }, AGAIN_MS);
}

/**
 * @param {URL} url
 * @param {RequestInit} request
 * @param {number} again_ms  ask once more after so long if nothing was answered (a network that changed); 0: don't
 * @returns {Promise<any>}
 */
async function answered(url, request, again_ms = 0) {
  const asked_ms = Date.now();
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(LIMIT_MS) }).catch((error) => {
    if (!again_ms || error.name === "TimeoutError") throw error;
  });
  if (!response) {
    await new Promise((done) => setTimeout(done, again_ms));
    return answered(url, request);
  }
  heardFrom(response, asked_ms);
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
}

/**
 * Readings in `rev` order, or by `ts`, the newest first.
 * @param {string} device
 * @param {{metric?: string, until?: number, after_rev?: number, order?: "newest", cursor?: string, limit?: number}} query
 * @returns {Promise<{items: Reading[], next: string | null}>}
 */
export function getReadings(device, query) {
  return get(`devices/${device}/readings`, query);
}

/**
 * The latest commands of a device.
 * @param {string} device
 * @param {number} limit
 * @returns {Promise<{items: Command[]}>}
 */
export function getCommands(device, limit) {
  return get(`devices/${device}/commands`, { limit });
}

/**
 * The latest events of a device.
 * @param {string} device
 * @param {number} limit
 * @returns {Promise<{items: EventRow[]}>}
 */
export function getEvents(device, limit) {
  return get(`devices/${device}/events`, { limit });
}

/**
 * What of a device's messages was not taken as it came.
 * @param {string} device
 * @returns {Promise<{items: Note[]}>}
 */
export function getNotes(device) {
  return get(`devices/${device}/notes`, {});
}

/**
 * Take a command back that the device has not answered yet.
 * @param {string} id
 * @returns {Promise<Command>}
 */
export function cancelCommand(id) {
  return post(`commands/${id}/cancel`);
}

/**
 * Takes a metric out of a device's twin.
 * @param {string} device
 * @param {string} name
 * @returns {Promise<null>}
 */
export function removeMetric(device, name) {
  return post(`devices/${device}/metrics/${encodeURIComponent(name)}`, "DELETE");
}

/** What an operator sees of the whole installation. @returns {Promise<Overview>} */
export function getOverview() {
  return get("ops", {});
}

/**
 * The latest quarantined messages.
 * @param {{limit: number, device?: string}} query
 * @returns {Promise<{items: QuarantinedMessage[], next: string | null}>}
 */
export function getQuarantine(query) {
  return get("quarantine", query);
}

/**
 * What was nobody's, by topic and reason.
 * @param {{limit: number, topic?: string}} query
 * @returns {Promise<{items: RejectedTopic[]}>}
 */
export function getRejected(query) {
  return get("rejected", query);
}

/**
 * Have a quarantined message carried out again.
 * @param {number} id
 * @returns {Promise<{outcome: string, reason: string, detail: string}>}
 */
export function replayQuarantined(id) {
  return post(`quarantine/${id}/replay`);
}

/** A page that is open is in use: a request now and then renews its session's cookie, which no WebSocket can. */
export function stay() {
  return fetch(`${page.api}devices?limit=1`, { method: "HEAD", signal: AbortSignal.timeout(LIMIT_MS) }).catch(() => {});
}

/**
 * Why a WebSocket to this place is refused, as the server says it to a plain request; "" if it does not answer.
 * @param {string} path
 */
export async function refusal(path) {
  try {
    const answer = await fetch(path, { method: "POST", signal: AbortSignal.timeout(LIMIT_MS) });
    return answer.status === 426 || answer.status === 403 ? String((await answer.json()).detail ?? "") : "";
  } catch {
    return "";
  }
}

/** @param {string} path  below the API's root @param {string} method @returns {Promise<any>} */
function post(path, method = "POST") {
  const token = /** @type {HTMLInputElement | null} */ (
    document.querySelector("input[name=csrfmiddlewaretoken]")
  );
  const headers = { Accept: "application/json", "X-CSRFToken": token?.value ?? "" };
  return answered(new URL(page.api + path, location.href), { method, headers });
}
