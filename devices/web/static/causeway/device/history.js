/**
 * A device's readings for the charts, without gaps: what the stream brings live, and before it what REST has stored.
 *
 * Everything up to rev `#known` is here (back to as far as was asked for). A snapshot beyond it leaves a hole, which is
 * fetched; the page loads one chunk at a time, newest first, so that the charts fill from the right.
 */

import { signal } from "@preact/signals";

import { Series } from "../lib/series.js";

/**
 * @import {Reading, Scalar} from "../client/types.js"
 *
 * @typedef {(query: {after_rev: number, limit: number}) => Promise<{items: Reading[], next: string | null}>} Fetch
 */

const CHUNK_REVS = 1_000; // a request's limit; a reading takes a rev
const MOST_CHUNKS = 40;

export class History {
  /** @type {Map<string, Series>} */ #series = new Map();
  /** Raised when there is something new to draw. */
  version = signal(0);
  /** Whether stored readings are being fetched. */
  loading = signal(false);
  /** Why they could not be had. */
  error = signal("");

  #fetch;
  /** The rev up to which everything is here, 0 before the first snapshot. */
  #known = 0;
  /** The rev down to which it is, and the earliest time that was asked for. */
  #back = { rev: 0, ts: Infinity };
  #wantedSince = Infinity;
  /** @type {Promise<void>} */ #work = Promise.resolve();

  /** @param {Fetch} fetch  the stored readings after a rev, in `rev` order */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /** @param {string} metric @returns {Series} */
  of(metric) {
    const series = this.#series.get(metric) ?? new Series();
    this.#series.set(metric, series);
    return series;
  }

  /** Live readings, in `rev` order, up to `rev`. @param {Reading[]} readings @param {number} rev */
  add(readings, rev) {
    this.#put(readings);
    this.#known = rev;
  }

  /** A snapshot says where the device is now. @param {number} rev */
  reached(rev) {
    const from = this.#known;
    this.#known = rev;
    if (from === 0) {
      this.#back.rev = rev;
      this.#later(() => this.#backward());
    } else if (rev > from) {
      this.#later(() => this.#fill(from, rev));
    }
  }

  /** Have everything since then. @param {number} since Unix ms */
  reach(since) {
    this.#wantedSince = Math.min(this.#wantedSince, since);
    if (this.#known > 0) this.#later(() => this.#backward());
  }

  /** Chunk by chunk back in time until what is wanted is there. */
  async #backward() {
    for (
      let chunks = 0;
      chunks < MOST_CHUNKS && this.#back.rev > 0 && this.#back.ts > this.#wantedSince;
      chunks++
    ) {
      const upto = this.#back.rev;
      const after_rev = Math.max(0, upto - CHUNK_REVS);
      const { items } = await this.#fetch({ after_rev, limit: CHUNK_REVS });
      const chunk = items.filter(({ rev }) => rev <= upto);
      this.#before(chunk);
      this.#back = { rev: after_rev, ts: Math.min(this.#back.ts, ...chunk.map(({ ts }) => ts)) };
    }
  }

  /** A hole between two revs. @param {number} after_rev @param {number} upto */
  async #fill(after_rev, upto) {
    while (after_rev < upto) {
      const { items, next } = await this.#fetch({ after_rev, limit: CHUNK_REVS });
      this.#put(items.filter(({ rev }) => rev <= upto));
      if (next === null) return;
      after_rev = items.at(-1)?.rev ?? upto;
    }
  }

  /** One at a time. @param {() => Promise<void>} job */
  #later(job) {
    this.#work = this.#work.then(async () => {
      this.loading.value = true;
      try {
        await job();
        this.error.value = "";
      } catch (error) {
        this.error.value = error instanceof Error ? error.message : String(error);
      }
      this.loading.value = false;
    });
  }

  /** @param {Reading[]} readings */
  #put(readings) {
    for (const { ts, metrics } of readings) {
      for (const [name, value] of Object.entries(metrics)) this.of(name).add(ts, value);
    }
    if (readings.length > 0) this.version.value += 1;
  }

  /** @param {Reading[]} readings  older than all that are here */
  #before(readings) {
    /** @type {Map<string, [number, Scalar][]>} */ const points = new Map();
    for (const { ts, metrics } of readings) {
      for (const [name, value] of Object.entries(metrics)) {
        const list = points.get(name) ?? [];
        list.push([ts, value]);
        points.set(name, list);
      }
    }
    for (const [name, list] of points) this.of(name).prepend(list.sort(([a], [b]) => a - b));
    if (readings.length > 0) this.version.value += 1;
  }
}
