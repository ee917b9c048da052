/** The REST API, with the page's session. */

import { page } from "./page.js";

/** @import {Command, Reading} from "./types.js" */

const LIMIT_MS = 15_000;

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
  return answered(url, { headers: { Accept: "application/json" } });
}

/** @param {URL} url @param {RequestInit} request @returns {Promise<any>} */
async function answered(url, request) {
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(LIMIT_MS) });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
}

/**
 * Readings in `rev` order.
 * @param {string} device
 * @param {{metric?: string, since?: number, after_rev?: number, limit?: number}} query
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
 * Take a command back that the device has not answered yet.
 * @param {string} id
 * @returns {Promise<Command>}
 */
export function cancelCommand(id) {
  const token = /** @type {HTMLInputElement | null} */ (
    document.querySelector("input[name=csrfmiddlewaretoken]")
  );
  const headers = { Accept: "application/json", "X-CSRFToken": token?.value ?? "" };
  return answered(new URL(`${page.api}commands/${id}/cancel`, location.href), { method: "POST", headers });
}
