/** One metric's values over time, for charts. Pure but for being changed in place. */

/**
 * @import {Scalar} from "../client/types.js"
 *
 * @typedef {[ts: number, rev: number, value: Scalar]} Point
 */

const LONGEST_BRIDGE_MS = 10_000; // silence up to that is drawn as a line in any case
const POINTS_A_COLUMN = 4; // the first, the lowest, the highest and the last

/** Points in order of time, of equal times in order of rev. A reading counts once, however often it comes. */
export class Series {
  /** Unix ms @type {number[]} */ times = [];
  /** @type {number[]} */ revs = [];
  /** NaN: no number; it breaks the line. @type {number[]} */ values = [];
  /** Which kinds of values it ever had that can be drawn. */
  has = { number: false, boolean: false };

  /** @param {Point} point @returns {boolean} whether it is new */
  add([ts, rev, value]) {
    const at = this.#after(ts, rev);
    if (at > 0 && this.times[at - 1] === ts && this.revs[at - 1] === rev) return false;
    this.times.splice(at, 0, ts);
    this.revs.splice(at, 0, rev);
    this.values.splice(at, 0, this.#drawn(value));
    return true;
  }

  /** Add many at once. @param {Point[]} points  in order of time and rev @returns {number} how many are new */
  merge(points) {
    const before = this.times.length;
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return 0;
    if (before === 0 || last[0] < /** @type {number} */ (this.times[0])) this.#prepend(points);
    else this.#interleave(points);
    return this.times.length - before;
  }

  /** Forget what is older. @param {number} ts @returns {number} how many points those were */
  forget(ts) {
    const count = this.#after(ts, -1);
    for (const column of [this.times, this.revs, this.values]) column.splice(0, count);
    return count;
  }

  /**
   * What to draw between two times (Unix ms), one point beyond either edge; null where nothing is known in between.
   * @param {number} from
   * @param {number} to
   * @param {number} [columns]  how many there is room for: of many points in one, those that show are left
   * @returns {[seconds: number[], values: (number | null)[]]}
   */
  view(from, to, columns = Infinity) {
    const start = Math.max(0, after(this.times, from) - 1);
    const stop = Math.min(this.times.length, after(this.times, to) + 1);
    const dense = stop - start > POINTS_A_COLUMN * columns;
    const line = new Line(dense ? (to - from) / columns : 0);
    const longest = longestStep(this.times.slice(start, stop));
    for (let index = start; index < stop; index++) {
      const time = /** @type {number} */ (this.times[index]);
      const before = index > start ? /** @type {number} */ (this.times[index - 1]) : time;
      if (time - before > longest) line.gap((before + time) / 2);
      line.add(time, /** @type {number} */ (this.values[index]));
    }
    return line.points();
  }

  /** @param {Point[]} points  all older than what is here */
  #prepend(points) {
    this.times = points.map(([ts]) => ts).concat(this.times);
    this.revs = points.map(([, rev]) => rev).concat(this.revs);
    this.values = points.map(([, , value]) => this.#drawn(value)).concat(this.values);
  }

  /** @param {Point[]} points */
  #interleave(points) {
    const { times, revs, values } = this;
    const start = this.#after(/** @type {Point} */ (points[0])[0], -1);
    const [lateTimes, lateRevs, lateValues] = [times, revs, values].map((column) => column.splice(start));
    let at = 0;
    const takeUntil = (/** @type {number} */ ts, /** @type {number} */ rev) => {
      for (; at < lateTimes.length && isBefore(lateTimes[at], lateRevs[at], ts, rev); at++) {
        times.push(lateTimes[at]);
        revs.push(lateRevs[at]);
        values.push(lateValues[at]);
      }
    };
    for (const [ts, rev, value] of points) {
      takeUntil(ts, rev);
      if (lateTimes[at] === ts && lateRevs[at] === rev) continue;
      times.push(ts);
      revs.push(rev);
      values.push(this.#drawn(value));
    }
    takeUntil(Infinity, 0);
  }

  /** @param {Scalar} value */
  #drawn(value) {
    if (typeof value === "number") this.has.number = true;
    if (typeof value === "boolean") this.has.boolean = true;
    return drawable(value) ?? NaN;
  }

  /** The index behind a point, whether or not it is here. @param {number} ts @param {number} rev */
  #after(ts, rev) {
    let at = after(this.times, ts);
    while (at > 0 && this.times[at - 1] === ts && /** @type {number} */ (this.revs[at - 1]) > rev) at--;
    return at;
  }
}

/** The points of a line, thinned out to what shows. */
class Line {
  /** @type {number[]} seconds */ #xs = [];
  /** @type {(number | null)[]} */ #ys = [];
  #width_ms;
  /** The points of the column at hand that show. @type {{[which in "first" | "low" | "high" | "last"]: Place} | null} */
  #column = null;
  #nth = NaN;

  /** @param {number} width_ms  of a column; 0: all points are wanted */
  constructor(width_ms) {
    this.#width_ms = width_ms;
  }

  /** @param {number} ts @param {number} value  NaN: a gap */
  add(ts, value) {
    if (Number.isNaN(value)) return this.gap(ts);
    const nth = this.#width_ms > 0 ? Math.floor(ts / this.#width_ms) : NaN; // NaN: none like the one before
    if (nth !== this.#nth) this.#flush();
    this.#nth = nth;
    const place = { ts, value };
    const column = (this.#column ??= { first: place, low: place, high: place, last: place });
    if (value < column.low.value) column.low = place;
    if (value > column.high.value) column.high = place;
    column.last = place;
  }

  /** Nothing is known here. @param {number} ts */
  gap(ts) {
    this.#flush();
    if (this.#ys.at(-1) !== null) this.#put(ts, null);
  }

  /** @returns {[number[], (number | null)[]]} */
  points() {
    this.#flush();
    return [this.#xs, this.#ys];
  }

  #flush() {
    if (!this.#column) return;
    const { first, low, high, last } = this.#column;
    const shown = [...new Set([first, low, high, last])].sort((one, other) => one.ts - other.ts);
    for (const { ts, value } of shown) this.#put(ts, value);
    this.#column = null;
  }

  /** @param {number} ts @param {number | null} value */
  #put(ts, value) {
    this.#xs.push(ts / 1000);
    this.#ys.push(value);
  }
}

/** @typedef {{ts: number, value: number}} Place */

/** @param {Scalar} value */
export function drawable(value) {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

/**
 * @param {number | undefined} ts @param {number | undefined} rev @param {number} otherTs @param {number} otherRev
 */
function isBefore(ts, rev, otherTs, otherRev) {
  return Number(ts) < otherTs || (ts === otherTs && Number(rev) < otherRev);
}

/** The index of the first time that is later. @param {number[]} times  ascending @param {number} time */
function after(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (times[middle]) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Between two points further apart (ms) no line is drawn: the device was silent much longer than it usually is, and a
 * straight line would claim knowledge.
 * @param {number[]} times  ascending
 */
export function longestStep(times) {
  return Math.max(LONGEST_BRIDGE_MS, 5 * typicalStep(times));
}

/** The (lower) median step of the last hundred. @param {number[]} times  ascending */
export function typicalStep(times) {
  const last = times.slice(-100);
  const steps = last.slice(1).map((time, index) => time - /** @type {number} */ (last[index]));
  return steps.sort((a, b) => a - b)[(steps.length - 1) >> 1] ?? 0;
}
