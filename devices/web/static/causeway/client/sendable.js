/**
 * What can be sent: JSON as it is meant, in a frame that the server takes. What JSON.stringify would silently turn into
 * something else is refused here, before anything leaves, with the place and what to do.
 */

/** @import {Target} from "./subscription.js" */

export const MOST_BYTES = 256 * 1024; // of one frame; the server refuses more, and closes with 1009 above 1 MiB

/** @type {{[kind: string]: string}} */
const INSTEAD = {
  Map: "make it a plain object (Object.fromEntries)",
  Set: "make it an array",
  Promise: "await it first",
  ArrayBuffer: "send it as a text, for example base64",
  RegExp: "send its source as a text",
};

/**
 * A request that can't be sent as it is.
 * @param {object} frame
 * @returns {{code: "bad_request" | "too_large", message: string} | null}
 */
export function problem(frame) {
  for (const [name, value] of Object.entries(frame)) {
    if (value === undefined) continue; // an option that was not given
    const found = flaw(value, name, []);
    if (found) return { code: "bad_request", message: found };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(frame)).length;
  if (bytes <= MOST_BYTES) return null;
  const message = `The request has ${bytes} bytes, the server takes ${MOST_BYTES}: send less, or in parts.`;
  return { code: "too_large", message };
}

/**
 * @param {any} value
 * @param {string} place  where it stands, like `args.limits.0`
 * @param {object[]} around  what it is in
 * @returns {string | null}
 */
function flaw(value, place, around) {
  if (typeof value === "number") {
    return Number.isFinite(value) ? null : `${place}: ${value} is no JSON number; use null where there is no value.`;
  }
  if (typeof value === "bigint") {
    return `${place}: a BigInt is no JSON; use a number up to 2^53, or a text: String(value).`;
  }
  if (value === undefined) return `${place}: undefined is no JSON; leave it out, or use null.`;
  if (typeof value === "function" || typeof value === "symbol") return `${place}: a ${typeof value} is no JSON.`;
  return value !== null && typeof value === "object" ? flawWithin(value, place, around) : null;
}

/** @param {any} value @param {string} place @param {object[]} around @returns {string | null} */
function flawWithin(value, place, around) {
  if (around.includes(value)) return `${place}: it contains itself, so it is no JSON.`;
  const kind = ArrayBuffer.isView(value) ? "ArrayBuffer" : Object.prototype.toString.call(value).slice(8, -1);
  const instead = INSTEAD[kind];
  if (instead) return `${place}: a ${value.constructor.name} is no JSON; ${instead}.`;
  if (typeof value.toJSON === "function") return flaw(value.toJSON(), place, [...around, value]);
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, one] of inner) {
    const found = flaw(one, `${place}.${key}`, [...around, value]);
    if (found) return found;
  }
  return null;
}

/**
 * Whether that can be watched.
 * @param {Target} target
 * @throws {TypeError} which says what to give
 */
export function checkTarget(target) {
  const { site, devices, max_rate_hz, readings, description, ...others } = target ?? {};
  if ((site === undefined) === (devices === undefined)) {
    throw new TypeError('watch: give either a site ("*": all that you may see) or devices, a list of "site/device" keys');
  }
  if (site !== undefined && (typeof site !== "string" || !site)) throw new TypeError("watch: site is a text");
  if (devices !== undefined && !(Array.isArray(devices) && devices.every((key) => typeof key === "string"))) {
    throw new TypeError('watch: devices is a list of texts, like ["demo/lamp-1"]');
  }
  if (max_rate_hz !== undefined && !(Number.isFinite(max_rate_hz) && max_rate_hz > 0)) {
    throw new TypeError("watch: max_rate_hz is a number above 0");
  }
  if (readings !== undefined && readings !== "all" && readings !== "latest") {
    throw new TypeError('watch: readings is "all" or "latest"');
  }
  if (description !== undefined && description !== "full" && description !== "brief") {
    throw new TypeError('watch: description is "full" or "brief"');
  }
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw new TypeError(`watch: nobody knows ${unknown.join(", ")}`);
}
