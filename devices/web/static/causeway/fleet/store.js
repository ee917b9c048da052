/**
 * The fleet as the table shows it. Thousands of devices may change at once: each change only marks a device; once a
 * frame the marked ones that are on screen render anew, and order and counts are made anew at most four times a second.
 */

import { batch, computed, effect, signal } from "@preact/signals";

import { client, perFrame } from "../live.js";
import { page, recall, remember } from "../page.js";
import { commonMetrics, counts, isUniform, selected } from "../lib/device_list.js";
import { naturally } from "../lib/twin.js";

/**
 * @import {Change, DeviceState, Reading} from "../client/types.js"
 * @import {Wanted} from "../lib/device_list.js"
 * @import {Traced} from "../lib/trace.js"
 * @import {Signal} from "@preact/signals"
 */

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} site
 * @property {string} name
 * @property {number} place  in the natural order of all keys
 * @property {DeviceState} state
 * @property {number} updated  Unix ms of its newest value
 * @property {Traced[]} trace  recent values of its trend's metric, as they came
 * @property {{ranking: string[], count: number, names: string[]}} own  its own first metrics, as last worked out
 * @property {Signal<number>} version  raised when the entry is to render anew
 */

const REORDER_MS = 250;
const REORDER_LIVE_MS = 1_000; // by values that change all the time: rows must not run away from the pointer
const TRACE = 80;
export const MOST_COLUMNS = 4;
const USUAL_COLUMNS = 3;

/** @type {Map<string, Entry>} */
export const entries = new Map();
/** @type {Signal<Entry[]>} */
export const rows = signal([]);
export const totals = signal({ all: 0, online: 0, offline: 0, stale: 0, unknown: 0 });
/** @type {Signal<string[]>} */
export const sites = signal([]);
/** All metrics in the fleet, commonest first. @type {Signal<string[]>} */
export const metrics = signal([]);
export const loaded = signal(false);
/** Why the fleet can't be shown; "" as long as that may change by itself. */
export const problem = signal("");
export const size = signal(0);

const address = new URLSearchParams(location.search);
/** @type {Signal<Wanted>} */
export const wanted = signal({
  query: address.get("q") ?? "",
  site: address.get("site") ?? "",
  status: /** @type {Wanted["status"]} */ (address.get("status") ?? ""),
  ...recall("fleet.sort", { sort: "device", descending: false }),
});

/** The columns that the user chose; empty: as it fits the fleet. @type {Signal<string[]>} */
const chosen = signal(recall("fleet.columns", []));
/** Whether the devices are alike enough for common columns. */
const uniform = signal(true);
/** The columns; empty: each row shows its device's own first metrics. */
export const columns = computed(() => {
  const known = chosen.value.filter((name) => metrics.value.includes(name)).slice(0, MOST_COLUMNS);
  if (known.length > 0) return known;
  return uniform.value ? metrics.value.slice(0, USUAL_COLUMNS) : [];
});
export const isChosen = computed(() => chosen.value.length > 0);
/** How many metrics a row shows; room for one while there are none. */
export const width = computed(
  () => columns.value.length || Math.max(1, Math.min(USUAL_COLUMNS, metrics.value.length)),
);

/** The metrics that an entry's row shows, the first of them as its trend. @param {Entry} entry */
export function shownMetrics(entry) {
  return columns.value.length > 0 ? columns.value : ownMetrics(entry);
}

/** The commonest metrics among those that the device has. @param {Entry} entry */
function ownMetrics(entry) {
  const ranking = metrics.value;
  const count = Object.keys(entry.state.metrics).length;
  if (entry.own.ranking !== ranking || entry.own.count !== count) {
    const names = ranking.filter((name) => Object.hasOwn(entry.state.metrics, name)).slice(0, USUAL_COLUMNS);
    entry.own = { ranking, count, names };
  }
  return entry.own.names;
}

/** @param {Entry} entry */
export function trendMetric(entry) {
  return shownMetrics(entry)[0] ?? "";
}

/** @param {Partial<Wanted>} change */
export function want(change) {
  wanted.value = { ...wanted.value, ...change };
}

/** @param {string} name @param {boolean} on */
export function chooseColumn(name, on) {
  const others = columns.value.filter((other) => other !== name);
  choose(on ? [...others, name].slice(-MOST_COLUMNS) : others);
}

/** Columns as it fits the fleet again. */
export function unchoose() {
  choose([]);
}

/** @param {string[]} names */
function choose(names) {
  chosen.value = names;
  remember("fleet.columns", names);
}

/** @type {Set<Entry>} */
const dirty = new Set();
/** @type {Set<string>} */
const names = new Set();
let membership = false;
let disorder = false;
let orderedAt = 0;
/** @type {ReturnType<typeof setTimeout> | null} */
let waiting = null;

const later = perFrame(flush);

/** Watch everything the user may see. */
export function start() {
  const fleet = client.watch({ site: "*", max_rate_hz: 2, readings: "latest" });
  fleet.on("change", (change) => {
    take(change);
    later();
  });
  fleet.on("ready", () => {
    loaded.value = true;
    later();
  });
  fleet.on("failed", (error) => (problem.value = error.message));
  effect(() => {
    wanted.value;
    reorder();
    mirror();
  });
  effect(() => {
    columns.value;
    for (const entry of entries.values()) entry.trace = [];
  });
}

/** @param {Change} change */
function take(change) {
  const { device: key } = change;
  if (change.kind === "gone") {
    membership = entries.delete(key) || membership;
    return;
  }
  const entry = entries.get(key) ?? added(key, change.state);
  const before = entry.state;
  entry.state = change.state;
  entry.updated = newest(change, entry.updated);
  if (change.kind === "delta") extend(entry, change.readings);
  if (before.presence !== entry.state.presence || before.tags !== entry.state.tags) disorder = true;
  meet(change.kind === "delta" ? change.readings : [entry.state]);
  dirty.add(entry);
}

/** A metric never seen before may become a column. @param {{metrics: object}[]} holders */
function meet(holders) {
  for (const { metrics: values } of holders) {
    for (const name in values) {
      if (names.has(name)) continue;
      names.add(name);
      membership = true;
    }
  }
}

const NOTHING = { ranking: [], count: -1, names: [] };

/** @param {string} key @param {DeviceState} state @returns {Entry} */
function added(key, state) {
  const [site = "", name = ""] = key.split("/");
  /** @type {Entry} */
  const entry = { key, site, name, place: 0, state, updated: 0, trace: [], own: NOTHING, version: signal(0) };
  entries.set(key, entry);
  membership = true;
  return entry;
}

/** @param {Exclude<Change, {kind: "gone"}>} change @param {number} updated */
function newest(change, updated) {
  if (change.kind === "event") return Math.max(updated, change.event.ts);
  const times = change.kind === "delta" ? change.readings : Object.values(change.state.metrics);
  return times.reduce((latest, { ts }) => Math.max(latest, ts), updated);
}

/** @param {Entry} entry @param {Reading[]} readings */
function extend(entry, readings) {
  const metric = trendMetric(entry);
  for (const { ts, rev, metrics: values } of readings) {
    if (!Object.hasOwn(values, metric)) continue;
    const value = values[metric];
    entry.trace.push({ ts, rev, value: typeof value === "number" ? value : null });
  }
  if (entry.trace.length > TRACE) entry.trace = entry.trace.slice(-TRACE);
}

/** Put what came earlier before what came live. @param {Entry} entry @param {Reading[]} readings */
export function recollect(entry, readings) {
  const live = entry.trace;
  const known = new Set(live.map(({ rev }) => rev));
  entry.trace = [];
  extend(
    entry,
    readings.filter(({ rev }) => !known.has(rev)),
  );
  entry.trace = [...entry.trace, ...live].slice(-TRACE);
  entry.version.value += 1;
}

function flush() {
  batch(() => {
    for (const entry of dirty) entry.version.value += 1;
    dirty.clear();
    if (membership) renumber();
    const live = !["device", "status"].includes(wanted.peek().sort);
    if (membership || disorder) reorderWithin(REORDER_MS);
    else if (live) reorderWithin(REORDER_LIVE_MS);
  });
}

/** The membership has changed: places, sites and metrics anew. */
function renumber() {
  [...entries.values()]
    .sort((one, other) => naturally(one.key, other.key))
    .forEach((entry, place) => (entry.place = place));
  sites.value = [...new Set([...entries.values()].map(({ site }) => site))].sort(naturally);
  const ranking = commonMetrics(entries.values());
  if (ranking.join("\n") !== metrics.value.join("\n")) metrics.value = ranking;
  uniform.value = isUniform(entries.values(), ranking.slice(0, USUAL_COLUMNS));
  size.value = entries.size;
}

/** @param {number} period_ms  no sooner after the last time */
function reorderWithin(period_ms) {
  const wait_ms = orderedAt + period_ms - performance.now();
  if (wait_ms <= 0) return reorder();
  waiting ??= setTimeout(() => {
    waiting = null;
    later();
  }, wait_ms);
}

function reorder() {
  orderedAt = performance.now();
  membership = disorder = false;
  rows.value = selected(entries.values(), orderly(wanted.peek()));
  totals.value = counts(entries.values(), wanted.peek());
}

/**
 * A remembered order by a metric that is no column now would surprise.
 * @param {Wanted} wish
 * @returns {Wanted}
 */
function orderly(wish) {
  const lost = wish.sort.startsWith("metric:") && !columns.peek().includes(wish.sort.slice(7));
  return lost ? { ...wish, sort: "device", descending: false } : wish;
}

/** The address tells what is shown: it can be bookmarked and survives a reload. */
function mirror() {
  const { query, site, status, sort, descending } = wanted.peek();
  const told = Object.entries({ q: query, site, status }).filter(([, value]) => value);
  const search = new URLSearchParams(told).toString();
  history.replaceState(null, "", search ? `?${search}` : location.pathname);
  remember("fleet.sort", { sort, descending });
}

/** Sites that the user may see, as far as known: those with devices and those with a role. */
export const allSites = computed(() => {
  const own = Object.keys(page.roles).filter((site) => site !== "*");
  return [...new Set([...own, ...sites.value])].sort(naturally);
});
