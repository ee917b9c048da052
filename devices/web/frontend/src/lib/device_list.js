/** Which devices of a fleet are shown, in which order, and how many there are of each presence. Pure. */

import { briefOf } from "./brief.js";
import { naturally } from "./twin.js";

/** @import {DeviceState, PresenceStatus, Scalar} from "#client/types.js" */

/**
 * @typedef {{key: string, site: string, state: DeviceState, updated: number}} Listed  updated: Unix ms
 *
 * @typedef {object} Wanted
 * @property {string} query  words that must all be found in the key, the name or the tags
 * @property {string} site  "" for all
 * @property {PresenceStatus | ""} status
 * @property {string} sort  "device", "status", "updated" or "metric:<name>"
 * @property {boolean} descending
 */

/** Worst first: what needs attention. @type {PresenceStatus[]} */
export const STATUSES = ["offline", "stale", "unknown", "online"];

/**
 * In the natural order of their keys.
 * @template {Listed} T
 * @param {Iterable<T>} devices
 * @returns {T[]}
 */
export function ordered(devices) {
  return [...devices].sort((one, other) => naturally(one.key, other.key));
}

/**
 * Which devices to show, in the order that is wanted.
 * @template {Listed} T
 * @param {Iterable<T>} devices  in the natural order of their keys, which those keep that are else alike
 * @param {Wanted} wanted
 * @returns {T[]}
 */
export function selected(devices, wanted) {
  const found = [...matching(devices, wanted)];
  const shown = wanted.status ? found.filter(({ state }) => state.presence.status === wanted.status) : found;
  if (wanted.sort === "device") return wanted.descending ? shown.reverse() : shown;
  return shown.sort(order(wanted));
}

/**
 * How many devices there are of each presence, as far as site and query go.
 * @param {Iterable<Listed>} devices
 * @param {Wanted} wanted
 */
export function counts(devices, wanted) {
  const result = { all: 0, online: 0, offline: 0, stale: 0, unknown: 0 };
  for (const { state } of matching(devices, wanted)) {
    result.all += 1;
    result[state.presence.status] += 1;
  }
  return result;
}

/** Metrics of a device's own upkeep: worth a look, but not the first one. */
const UPKEEP = /batt|rssi|snr|signal|uptime|heap|memory|cpu|load|seq|count|version|voltage/i;

/** @param {string} name */
export function isUpkeep(name) {
  return UPKEEP.test(name);
}

/** By what the device says of the metric; where it says nothing, by the metric's name. @param {DeviceState} state @param {string} name */
function isUpkeepOf(state, name) {
  return briefOf(state).properties.get(name)?.diagnostic ?? isUpkeep(name);
}

/**
 * A device's metrics in the order in which all pages show them: first those that the fleet has as columns, then numbers,
 * upkeep and all others last.
 * @param {DeviceState} state
 * @param {readonly string[]} columns
 * @param {(name: string) => boolean} [isNumber]  also one that is none just now may be one
 */
export function orderedMetrics(state, columns = [], isNumber = (name) => typeof state.metrics[name]?.value === "number") {
  const names = Object.keys(state.metrics).sort(naturally);
  const place = (/** @type {string} */ name) => (columns.includes(name) ? columns.indexOf(name) : columns.length + Number(!isNumber(name) || isUpkeepOf(state, name)));
  const places = new Map(names.map((name) => [name, place(name)]));
  return names.sort((one, other) => Number(places.get(one)) - Number(places.get(other)));
}

/**
 * The metrics that most devices have, the commonest first; numbers before anything else, upkeep after all other
 * numbers.
 * @param {Iterable<Listed>} devices
 * @returns {string[]}
 */
export function commonMetrics(devices) {
  /** @type {Map<string, {count: number, numbers: number}>} */ const seen = new Map();
  for (const { state } of devices) {
    for (const [name, { value }] of Object.entries(state.metrics)) {
      const metric = seen.get(name) ?? { count: 0, numbers: 0 };
      const number = typeof value === "number" && !isUpkeepOf(state, name) ? 1 : 0;
      seen.set(name, { count: metric.count + 1, numbers: metric.numbers + number });
    }
  }
  const ranked = [...seen].sort(
    ([a, x], [b, y]) => y.numbers - x.numbers || y.count - x.count || naturally(a, b),
  );
  return ranked.map(([name]) => name);
}

const LISTED = 12; // metrics that are offered unasked
const FOUND = 60;

/**
 * Which metrics to offer: unasked the ones that most devices have, so that an odd one doesn't flood them; by a search any.
 * @param {Iterable<Listed>} devices
 * @param {string} query  words that must all be found in the metric's name or label
 * @param {ReadonlyMap<string, string>} labels  by metric
 * @returns {{names: string[], more: number}}  more: so many are left out
 */
export function offeredMetrics(devices, query, labels) {
  /** @type {Map<string, number>} */ const seen = new Map();
  for (const { state } of devices) for (const name in state.metrics) seen.set(name, (seen.get(name) ?? 0) + 1);
  const words = wordsOf(query);
  const isMeant = (/** @type {string} */ name) => {
    const text = `${name} ${labels.get(name) ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const meant = [...seen].filter(([name]) => isMeant(name)).sort(([a, x], [b, y]) => y - x || naturally(a, b));
  const names = meant.slice(0, words.length > 0 ? FOUND : LISTED).map(([name]) => name);
  return { names, more: meant.length - names.length };
}

/** @param {string} query */
function wordsOf(query) {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

/**
 * Whether nearly all devices that report anything report all of these metrics: then columns of them make sense.
 * @param {Iterable<Listed>} devices
 * @param {string[]} names
 */
export function isUniform(devices, names) {
  let [all, having] = [0, 0];
  for (const { state } of devices) {
    if (Object.keys(state.metrics).length === 0) continue;
    all += 1;
    if (names.every((name) => Object.hasOwn(state.metrics, name))) having += 1;
  }
  return having >= 0.8 * all;
}

/** @template {Listed} T @param {Iterable<T>} devices @param {Wanted} wanted @returns {Iterable<T>} */
function* matching(devices, { query, site }) {
  const words = wordsOf(query);
  for (const device of devices) {
    if (site && device.site !== site) continue;
    if (words.length > 0 && !words.every((word) => haystack(device).includes(word))) continue;
    yield device;
  }
}

/** @param {Listed} device */
function haystack({ key, state }) {
  return `${key} ${briefOf(state).name} ${state.tags.join(" ")}`.toLowerCase();
}

/** @param {Wanted} wanted @returns {(one: Listed, other: Listed) => number} */
function order({ sort, descending }) {
  const metric = sort.startsWith("metric:") ? sort.slice(7) : null;
  const sign = descending ? -1 : 1;
  return (one, other) => {
    if (metric !== null) return byValue(one.state.metrics[metric]?.value, other.state.metrics[metric]?.value, sign);
    return sign * (sort === "updated" ? one.updated - other.updated : rank(one) - rank(other));
  };
}

/** @param {Listed} device */
function rank({ state }) {
  return STATUSES.indexOf(state.presence.status);
}

/**
 * Devices without the metric come last either way.
 * @param {Scalar | undefined} a
 * @param {Scalar | undefined} b
 * @param {number} sign
 */
function byValue(a, b, sign) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return (
    sign *
    (typeof a === "string" || typeof b === "string" ? naturally(String(a), String(b)) : Number(a) - Number(b))
  );
}
