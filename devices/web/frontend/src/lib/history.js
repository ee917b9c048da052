/**
 * A device's readings for the charts: what the stream brings live, and before it what REST has stored.
 *
 * The page loads stored readings one chunk at a time, by their time, the newest first, so that the charts fill from the
 * right and a late reading stands where it belongs. `since` says from when on everything is here. A snapshot that is
 * further on than what came live leaves a hole of revs, which is fetched first.
 */

import { signal } from "@preact/signals";

import { Series } from "./series.js";

/**
 * @import {Reading} from "#client/types.js"
 * @import {Point} from "./series.js"
 *
 * @typedef {{since?: number, until?: number, after_rev?: number, cursor?: string}} Part
 * @typedef {(query: Part & {order: "newest", limit: number}) => Promise<{items: Reading[], next: string | null}>} Fetch
 *
 * @typedef {object} Hole  readings that came between two revs
 * @property {number} after_rev
 * @property {number} until  Unix ms: those from then on are here
 * @property {string | null} cursor
 */

const CHUNK = 1_000; // a request's limit
const MOST_POINTS = 2_500_000; // 60 MB, or six hours of eleven metrics ten times a second
const LIVE_SHARE = 0.1; // so much more may come live before the oldest go
const SPARE_MS = 600_000; // so much more than what is shown stays: who looks a little further back needn't wait

export class History {
  /** @type {Map<string, Series>} */ #series = new Map();
  /** Raised when there is something new to draw. */
  version = signal(0);
  /** Whether stored readings are being fetched. */
  loading = signal(false);
  /** Why they could not be had. */
  error = signal("");
  /** Unix ms: from then on everything is here; Infinity before anything was loaded, -Infinity: there is no more. */
  since = signal(Infinity);
  /** There are too many to have all that is wanted. */
  full = signal(false);

  #fetch;
  #most;
  #points = 0;
  /** The rev up to which everything is here or in the hole, 0 before the first snapshot. */
  #known = 0;
  /** As `since`, but for the hole. */
  #from = Infinity;
  /** Where loading goes on, null: at `#from`. @type {string | null} */ #cursor = null;
  /** @type {Hole | null} */ #hole = null;
  #wantedSince = Infinity;
  /** From when on it is shown, by each who shows it. @type {Set<() => number>} */ #shown = new Set();
  /** What is older was let go, because nobody showed it. */
  #releasedTo = -Infinity;

  /** @param {Fetch} fetch  stored readings, the newest first @param {number} [most]  points kept of all metrics */
  constructor(fetch, most = MOST_POINTS) {
    this.#fetch = fetch;
    this.#most = most;
  }

  /** @param {string} metric @returns {Series} */
  of(metric) {
    const series = this.#series.get(metric) ?? new Series();
    this.#series.set(metric, series);
    return series;
  }

  /** Live readings, up to `rev`. @param {Reading[]} readings @param {number} rev */
  add(readings, rev) {
    for (const { ts, rev: own, metrics } of readings) {
      for (const [name, value] of Object.entries(metrics)) {
        if (this.of(name).add([ts, own, value])) this.#points += 1;
      }
    }
    this.#known = rev;
    this.#trim();
    this.#release();
    if (readings.length > 0) this.version.value += 1;
  }

  /** A snapshot says where the device is now. @param {number} rev */
  reached(rev) {
    if (rev < this.#known) this.#begin(); // the server has older data than before: nothing here is sure
    else if (this.#known > 0 && rev > this.#known) {
      this.#hole = { after_rev: this.#hole?.after_rev ?? this.#known, until: Infinity, cursor: null };
    }
    this.#known = rev;
    this.#load();
  }

  /**
   * Have everything from a time on, which may move, for as long as it is shown. What nobody shows any more goes after a while.
   * @param {() => number} from  Unix ms
   * @returns {() => void} it is shown no more
   */
  show(from) {
    this.#shown.add(from);
    this.reach(from());
    return () => this.#shown.delete(from);
  }

  /** Have everything since then. @param {number} since Unix ms */
  reach(since) {
    this.#wantedSince = Math.min(this.#wantedSince, since);
    this.retry();
  }

  /** Go on, after what was wanted could not be had. */
  retry() {
    if (this.#known > 0) this.#load();
  }

  #begin() {
    this.#series = new Map();
    this.#points = 0;
    this.#from = Infinity;
    this.#cursor = this.#hole = null;
    this.full.value = false;
    this.version.value += 1;
  }

  /** Part by part until what is wanted is here. */
  async #load() {
    if (this.loading.value) return;
    this.loading.value = true;
    this.error.value = "";
    try {
      while (await this.#part());
    } catch (error) {
      this.error.value = error instanceof Error ? error.message : String(error);
    }
    this.loading.value = false;
  }

  /** @returns {Promise<boolean>} false: nothing is missing */
  async #part() {
    this.#tell();
    if (this.#hole) return this.#fill(this.#hole);
    if (this.#from <= this.#wantedSince || this.full.value) return false;
    this.full.value = this.#points >= this.#most;
    return !this.full.value && this.#backward();
  }

  async #backward() {
    const [series, since] = [this.#series, this.#wantedSince];
    const { items, next } = await this.#ask({ ...this.#place(this.#cursor, this.#from), ...sinceOf(since) });
    if (this.#series !== series) return true; // begun anew meanwhile
    this.#put(items);
    this.#cursor = next;
    this.#from = this.full.value ? this.#from : endOf(items, next, since);
    return true;
  }

  /** What the stream left out. @param {Hole} hole */
  async #fill(hole) {
    const since = Math.min(this.#wantedSince, this.#from);
    const { items, next } = await this.#ask({
      after_rev: hole.after_rev,
      ...this.#place(hole.cursor, hole.until),
      ...sinceOf(since),
    });
    if (this.#hole !== hole) return true; // it has become larger
    this.#put(items);
    hole.until = endOf(items, next, since);
    hole.cursor = next;
    if (hole.until <= this.#from) this.#hole = null; // what is older is loaded with all else of its time
    return true;
  }

  /** @param {string | null} cursor @param {number} until @returns {Part} */
  #place(cursor, until) {
    if (cursor !== null) return { cursor };
    return until < Infinity ? { until } : {};
  }

  /** @param {Part} part */
  #ask(part) {
    return this.#fetch({ order: "newest", limit: CHUNK, ...part });
  }

  #tell() {
    this.since.value = Math.max(this.#from, this.#hole?.until ?? -Infinity);
  }

  /** @param {Reading[]} readings  the newest first */
  #put(readings) {
    /** @type {Map<string, Point[]>} */ const points = new Map();
    for (const { ts, rev, metrics } of [...readings].reverse()) {
      for (const [name, value] of Object.entries(metrics)) {
        const list = points.get(name) ?? [];
        list.push([ts, rev, value]);
        points.set(name, list);
      }
    }
    for (const [name, list] of points) this.#points += this.of(name).merge(list);
    this.#trim();
    if (readings.length > 0) this.version.value += 1;
  }

  /** Let go what nobody shows any more; it is fetched again for who looks back. */
  #release() {
    if (this.#shown.size === 0 || this.loading.peek() || this.#hole) return;
    const from = Math.min(...[...this.#shown].map((one) => one())) - SPARE_MS;
    if (from < this.#releasedTo + SPARE_MS) return; // little has become old since
    this.#releasedTo = from;
    for (const series of this.#series.values()) this.#points -= series.forget(from);
    this.#from = Math.max(this.#from, from);
    this.#wantedSince = Math.max(this.#wantedSince, from);
    this.#cursor = null;
    this.#tell();
  }

  /** Let the oldest go when there are too many. */
  #trim() {
    if (this.#points <= this.#most * (1 + LIVE_SHARE)) return;
    while (this.#points > this.#most) {
      const largest = [...this.#series.values()].reduce((one, other) =>
        other.length > one.length ? other : one,
      );
      const ts = (largest.times[Math.ceil(largest.length * LIVE_SHARE)] ?? 0) + 1;
      for (const series of this.#series.values()) this.#points -= series.forget(ts);
      this.#from = Math.max(this.#from, ts);
    }
    this.full.value = true;
    this.#cursor = null;
    this.#tell();
  }
}

/**
 * From when on everything is there, of a part that ends with these.
 * @param {Reading[]} items
 * @param {string | null} next
 * @param {number} since  it was asked for from then on
 */
function endOf(items, next, since) {
  if (next === null) return Number.isFinite(since) ? since : -Infinity;
  return (items.at(-1)?.ts ?? -Infinity) + 1;
}

/** @param {number} since @returns {{since?: number}} */
function sinceOf(since) {
  return Number.isFinite(since) ? { since: Math.floor(since) } : {};
}
