/** One metric's values over time, for charts. Pure but for being changed in place. */

/**
 * @import {Scalar} from "#client/types.js"
 *
 * @typedef {[ts: number, rev: number, value: Scalar]} Point
 */

const LONGEST_BRIDGE_MS = 10_000; // silence up to that is drawn as a line in any case
const LEAST_ROOM = 64; // points
const STEPS = 100; // the last ones tell what is usual
const POINTS_A_COLUMN = 4; // the first, the lowest, the highest and the last

/** Points in order of time, of equal times in order of rev. A reading counts once, however often it comes. */
export class Series {
  /** Which kinds of values it ever had that can be drawn. */
  has = { number: false, boolean: false, text: false };
  /** Texts by rev: in the columns they are no numbers. @type {Map<number, string>} */ #texts = new Map();
  /** Times (Unix ms), revs and values (NaN: no number; it breaks the line), with room before `#start` and after `#end`. */
  #columns = [1, 2, 3].map(() => new Float64Array(LEAST_ROOM));
  #start = LEAST_ROOM / 2;
  #end = LEAST_ROOM / 2;
  /** @type {Set<number> | null} revs; null: not worked out */ #late = new Set();
  #newest = -Infinity; // rev

  get length() {
    return this.#end - this.#start;
  }

  /** Unix ms */
  get times() {
    return this.#part(0);
  }

  get revs() {
    return this.#part(1);
  }

  /** NaN: no number. */
  get values() {
    return this.#part(2);
  }

  /** @param {Point} point @returns {boolean} whether it is new */
  add(point) {
    return this.merge([point]) > 0;
  }

  /** Add many at once. @param {Point[]} points  in order of time and rev @returns {number} how many are new */
  merge(points) {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return 0;
    const from = this.#after(first[0], -1);
    const to = this.#after(last[0], Infinity);
    const merged = this.#interleaved(from, to, points);
    if (!this.#isGrowing(from, points)) this.#late = null;
    this.#replace(from, to, merged);
    for (const [, rev, value] of points) {
      this.#newest = Math.max(this.#newest, rev);
      if (typeof value === "string") this.#texts.set(rev, value);
    }
    return merged.length - (to - from);
  }

  /** The revs of those that came late: after a younger one, so that they never were the latest value. @returns {ReadonlySet<number>} */
  get late() {
    return (this.#late ??= lateAmong(this.times, this.revs));
  }

  /** Whether points come in order behind all others: then none is late, or makes another so. @param {number} from @param {Point[]} points */
  #isGrowing(from, points) {
    return from === this.length && points.every(([, rev], index) => rev > (points[index - 1]?.[1] ?? this.#newest));
  }

  /** Forget what is older. @param {number} ts @returns {number} how many points those were */
  forget(ts) {
    const count = this.#after(ts, -1);
    if (this.#texts.size > 0) for (const rev of this.revs.subarray(0, count)) this.#texts.delete(rev);
    this.#start += count;
    if (this.#late && this.#late.size > 0) this.#late = null;
    return count;
  }

  /**
   * All values from a time on to before another (Unix ms), as they came, in order.
   * @param {number} from @param {number} to
   * @param {boolean} [held]  also the one before, which held at the begin
   * @returns {[ts: number, value: Scalar][]}
   */
  between(from, to, held = false) {
    const [times, revs, values] = [this.times, this.revs, this.values];
    const [start, stop] = [after(times, from - 1), after(times, to - 1)];
    /** @type {[number, Scalar][]} */ const found = [];
    for (let index = Math.max(0, held ? start - 1 : start); index < stop; index++) {
      const value = /** @type {number} */ (values[index]);
      const known = value !== value ? (this.#texts.get(/** @type {number} */ (revs[index])) ?? null) : value;
      const isSwitch = this.has.boolean && !this.has.number && typeof known === "number";
      found.push([/** @type {number} */ (times[index]), isSwitch ? known === 1 : known]);
    }
    return found;
  }

  /**
   * What to draw between two times (Unix ms), one point beyond either edge; null where nothing is known in between.
   * @param {number} from
   * @param {number} to
   * @param {number} [columns]  how many there is room for: of many points in one, those that show are left
   * @returns {[seconds: number[], values: (number | null)[], lates: (number | null)[]]}  lates: the values of those that came late
   */
  view(from, to, columns = Infinity) {
    const [times, values] = [this.times, this.values];
    const start = Math.max(0, after(times, from) - 1);
    const stop = Math.min(times.length, after(times, to) + 1);
    const dense = stop - start > POINTS_A_COLUMN * columns;
    const [revs, late] = [this.revs, this.late];
    const isLate = (/** @type {number} */ index) => late.size > 0 && late.has(/** @type {number} */ (revs[index]));
    const line = new Line(times, values, dense ? (to - from) / columns : 0, isLate);
    const longest = longestStep(times.subarray(start, stop));
    let before = Infinity;
    for (let index = start; index < stop; index++) {
      const time = /** @type {number} */ (times[index]);
      if (time - before > longest) line.gap((before + time) / 2);
      line.add(index, time);
      before = time;
    }
    return line.points();
  }

  /** @param {number} which  column @returns {Float64Array} */
  #part(which) {
    return /** @type {Float64Array} */ (this.#columns[which]).subarray(this.#start, this.#end);
  }

  /** The index behind a point, whether or not it is here. @param {number} ts @param {number} rev */
  #after(ts, rev) {
    const [times, revs] = [this.times, this.revs];
    let at = after(times, ts);
    while (at > 0 && times[at - 1] === ts && /** @type {number} */ (revs[at - 1]) > rev) at--;
    return at;
  }

  /**
   * The points from an index to another, and new ones among them.
   * @param {number} from @param {number} to @param {Point[]} points
   * @returns {[ts: number, rev: number, value: number][]}
   */
  #interleaved(from, to, points) {
    const news = points.map(([ts, rev, value]) => /** @type {const} */ ([ts, rev, this.#drawn(value)]));
    if (from === to) return /** @type {any} */ (news);
    const [times, revs, values] = [this.times, this.revs, this.values];
    /** @type {any[]} */ const olds = [];
    for (let index = from; index < to; index++) olds.push([times[index], revs[index], values[index]]);
    const known = new Set(olds.map(([, rev]) => rev));
    const unknown = news.filter(([, rev]) => !known.has(rev));
    return [...olds, ...unknown].sort(([a, p], [b, q]) => a - b || p - q);
  }

  /**
   * Put points in the place of those from an index to another; the shorter side makes way.
   * @param {number} from @param {number} to @param {[number, number, number][]} points
   */
  #replace(from, to, points) {
    const more = points.length - (to - from);
    this.#makeRoom(more);
    const forward = from >= this.length - to;
    const [start, end] = [this.#start, this.#end];
    for (const column of this.#columns) {
      if (forward) column.copyWithin(start + to + more, start + to, end);
      else column.copyWithin(start - more, start, start + from);
    }
    if (forward) this.#end += more;
    else this.#start -= more;
    points.forEach((point, nth) => this.#columns.forEach((column, which) => (column[this.#start + from + nth] = point[which] ?? NaN)));
  }

  /** So many more fit in, before and behind. @param {number} count */
  #makeRoom(count) {
    const room = /** @type {Float64Array} */ (this.#columns[0]).length;
    if (this.#start >= count && this.#end + count <= room) return;
    const start = count + Math.ceil(this.length / 2);
    const columns = [this.times, this.revs, this.values].map((old) => {
      const made = new Float64Array(this.length + 2 * start);
      made.set(old, start);
      return made;
    });
    [this.#columns, this.#start, this.#end] = [columns, start, start + this.length];
  }

  /** @param {Scalar} value */
  #drawn(value) {
    if (typeof value === "number") this.has.number = true;
    if (typeof value === "boolean") this.has.boolean = true;
    if (typeof value === "string") this.has.text = true;
    return drawable(value) ?? NaN;
  }
}

/** The points of a line, thinned out to what shows. Points are told by their index. */
class Line {
  /** @type {number[]} seconds */ #xs = [];
  /** @type {(number | null)[]} */ #ys = [];
  /** @type {(number | null)[]} */ #lates = [];
  #isLate;
  #times;
  #values;
  #width_ms;
  /** The column at hand, and its points that show; -1: it has none. */
  #until = -Infinity;
  #first = -1;
  #low = -1;
  #high = -1;
  #last = -1;
  #late = -1;

  /**
   * @param {Float64Array} times @param {Float64Array} values @param {number} width_ms  of a column; 0: all points are wanted
   * @param {(index: number) => boolean} isLate
   */
  constructor(times, values, width_ms, isLate) {
    this.#isLate = isLate;
    this.#times = times;
    this.#values = values;
    this.#width_ms = width_ms;
  }

  /** @param {number} index @param {number} time */
  add(index, time) {
    const value = this.#value(index);
    if (value !== value) return this.gap(time); // NaN
    if (time >= this.#until) {
      this.#flush();
      this.#first = this.#low = this.#high = index;
      this.#until = (Math.floor(time / this.#width_ms) + 1) * this.#width_ms || -Infinity;
    } else if (value < this.#value(this.#low)) this.#low = index;
    else if (value > this.#value(this.#high)) this.#high = index;
    this.#last = index;
    if (this.#isLate(index)) this.#late = index;
  }

  /** Nothing is known here. @param {number} ts */
  gap(ts) {
    this.#flush();
    if (this.#ys.at(-1) !== null) this.#put(ts, null, false);
  }

  /** @returns {[number[], (number | null)[], (number | null)[]]} */
  points() {
    this.#flush();
    return [this.#xs, this.#ys, this.#lates];
  }

  #flush() {
    if (this.#first < 0) return;
    const shown = [this.#first, this.#low, this.#high, this.#last, ...(this.#late < 0 ? [] : [this.#late])];
    for (const index of new Set(shown.sort((one, other) => one - other)))
      this.#put(/** @type {number} */ (this.#times[index]), this.#value(index), this.#isLate(index));
    this.#first = this.#late = -1;
    this.#until = -Infinity;
  }

  /** @param {number} index */
  #value(index) {
    return /** @type {number} */ (this.#values[index]);
  }

  /** @param {number} ts @param {number | null} value @param {boolean} isLate */
  #put(ts, value, isLate) {
    this.#xs.push(ts / 1000);
    this.#ys.push(value);
    this.#lates.push(isLate ? value : null);
  }
}

/** @param {Scalar} value */
export function drawable(value) {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

/** @param {Float64Array} times  ascending @param {Float64Array} revs  ascending where times are equal */
function lateAmong(times, revs) {
  /** @type {Set<number>} */ const late = new Set();
  let [least, leastYounger] = [Infinity, Infinity]; // revs, from here on, and of what is younger than this
  for (let index = times.length - 1; index >= 0; index--) {
    if (times[index] !== times[index + 1]) leastYounger = least;
    const rev = /** @type {number} */ (revs[index]);
    if (rev > leastYounger) late.add(rev);
    least = Math.min(least, rev);
  }
  return late;
}

/** The index of the first time that is later. @param {Float64Array} times  ascending @param {number} time */
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
 * @param {ArrayLike<number>} times  ascending
 */
export function longestStep(times) {
  return Math.max(LONGEST_BRIDGE_MS, 5 * typicalStep(times));
}

/** The (lower) median step of the last ones. @param {ArrayLike<number>} times  ascending */
export function typicalStep(times) {
  const last = Array.prototype.slice.call(times, -STEPS);
  const steps = last.slice(1).map((time, index) => time - /** @type {number} */ (last[index]));
  return steps.sort((a, b) => a - b)[(steps.length - 1) >> 1] ?? 0;
}
