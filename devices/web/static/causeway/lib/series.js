/** One metric's values over time, for charts. Pure but for being changed in place. */

/** @import {Scalar} from "../client/types.js" */

const MOST = 50_000; // points kept; the oldest go first
const LONGEST_BRIDGE_MS = 10_000; // silence up to that is drawn as a line in any case

/** Points in order of time; of equal times the later comes later. */
export class Series {
  /** Unix ms @type {number[]} */ times = [];
  /** @type {(number | null)[]} */ values = [];

  /** @param {number} ts @param {Scalar} value  what is no number or boolean breaks the line */
  add(ts, value) {
    const at =
      this.times.length > 0 && ts < /** @type {number} */ (this.times.at(-1))
        ? after(this.times, ts)
        : this.times.length;
    this.times.splice(at, 0, ts);
    this.values.splice(at, 0, drawable(value));
    if (this.times.length > MOST * 1.1) this.#forget(this.times.length - MOST);
  }

  /**
   * Put older points in front; they must be in order of time.
   * @param {[ts: number, value: Scalar][]} points
   */
  prepend(points) {
    const first = this.times[0] ?? Infinity;
    if (points.some(([ts]) => ts > first)) return points.forEach(([ts, value]) => this.add(ts, value));
    this.times = [...points.map(([ts]) => ts), ...this.times];
    this.values = [...points.map(([, value]) => drawable(value)), ...this.values];
  }

  /**
   * What to draw between two times (Unix ms), one point beyond either edge; null where nothing is known in between.
   * @param {number} from
   * @param {number} to
   * @returns {[seconds: number[], values: (number | null)[]]}
   */
  view(from, to) {
    const start = Math.max(0, after(this.times, from) - 1);
    const stop = Math.min(this.times.length, after(this.times, to) + 1);
    return broken(this.times.slice(start, stop), this.values.slice(start, stop));
  }

  /** @param {number} count */
  #forget(count) {
    this.times.splice(0, count);
    this.values.splice(0, count);
  }
}

/** @param {Scalar} value */
export function drawable(value) {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
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
 * Break the line where the device was silent much longer than it usually is: a straight line would claim knowledge.
 * @param {number[]} times
 * @param {(number | null)[]} values
 * @returns {[number[], (number | null)[]]}
 */
function broken(times, values) {
  const longest = longestStep(times);
  /** @type {number[]} */ const xs = [];
  /** @type {(number | null)[]} */ const ys = [];
  times.forEach((time, index) => {
    const before = times[index - 1];
    if (before !== undefined && time - before > longest) {
      xs.push((before + time) / 2000);
      ys.push(null);
    }
    xs.push(time / 1000);
    ys.push(values[index] ?? null);
  });
  return [xs, ys];
}

/** Between two points further apart (ms) no line is drawn. @param {number[]} times  ascending */
export function longestStep(times) {
  return Math.max(LONGEST_BRIDGE_MS, 5 * typicalStep(times));
}

/** The (lower) median step of the last hundred. @param {number[]} times */
function typicalStep(times) {
  const last = times.slice(-100);
  const steps = last.slice(1).map((time, index) => time - /** @type {number} */ (last[index]));
  return steps.sort((a, b) => a - b)[(steps.length - 1) >> 1] ?? 0;
}
