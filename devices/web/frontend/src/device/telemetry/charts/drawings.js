/** What `GET /series` answers, made ready for drawing. Pure. */

import { longestStep, typicalStep } from "../../../lib/series.js";

const EMPTY_BUCKETS = 2; // so many beside each other are no silence yet

/**
 * @typedef {object} SeriesAnswer  as the API has it
 * @property {string} device
 * @property {string} metric
 * @property {number} bucket_ms  0: raw values
 * @property {number} complete_since  Unix ms
 * @property {number[]} ts
 * @property {number[]} [min]
 * @property {number[]} [max]
 * @property {number[]} [mean]
 * @property {(string | number | boolean | null)[]} [last]
 * @property {{[value: string]: number}[]} [shares]
 *
 * @typedef {object} Drawing  by point
 * @property {number[]} xs  seconds
 * @property {(number | null)[]} ys  values, or means; null: a gap
 * @property {(number | null)[]} lows  the least of a bucket
 * @property {(number | null)[]} highs  the greatest
 * @property {number} longest_ms  between two points; the device was silent for longer
 */

/** @returns {Drawing} */
export function nothing() {
  return { xs: [], ys: [], lows: [], highs: [], longest_ms: Infinity };
}

/**
 * Buckets stand at their middle. Where none was for much longer than is usual, the device was silent: no line is drawn.
 * A boolean is drawn as the part of the time in which it was on. Of numbers that share a metric with other values, of which there is no
 * mean, the one that held longest in a bucket is drawn, and a gap where that was a text.
 * @param {SeriesAnswer} series
 * @returns {Drawing}
 */
export function drawing(series) {
  const longest = series.bucket_ms === 0 ? longestStep(series.ts) : typicalStep(series.ts) + EMPTY_BUCKETS * series.bucket_ms;
  const drawn = { ...nothing(), longest_ms: longest };
  const points = series.bucket_ms === 0 ? raw(series) : gathered(series);
  let before = Infinity;
  for (const [ts, value, low, high] of points) {
    if (ts - before > longest) put(drawn, (before + ts) / 2, null, null, null);
    put(drawn, ts, value, low, high);
    before = ts;
  }
  return drawn;
}

/** @param {SeriesAnswer} series @returns {[number, number | null, number | null, number | null][]} */
function raw({ ts, last = [] }) {
  return ts.map((time, index) => {
    const value = number(last[index]);
    return [time, value, value, value];
  });
}

/** @param {SeriesAnswer} series @returns {[number, number | null, number | null, number | null][]} */
function gathered({ ts, bucket_ms, mean, min, max, shares }) {
  return ts.map((time, index) => {
    const middle = time + bucket_ms / 2;
    if (shares) {
      const value = ofShares(shares[index] ?? {});
      return [middle, value, value, value];
    }
    return [middle, mean?.[index] ?? null, min?.[index] ?? null, max?.[index] ?? null];
  });
}

/** The part of the time in which it was on, or the number that held longest. @param {{[value: string]: number}} shares */
function ofShares(shares) {
  const [longest = ""] = Object.entries(shares).sort(([, one], [, other]) => other - one)[0] ?? [];
  if (longest === "true" || longest === "false") return shares["true"] ?? 0;
  return longest.trim() === "" || Number.isNaN(Number(longest)) ? null : Number(longest);
}

/** @param {string | number | boolean | null | undefined} value */
function number(value) {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

/**
 * Behind what was asked for, what has come live since. Where the device was silent between the two, no line is drawn.
 * @param {Drawing} drawn
 * @param {[seconds: number[], values: (number | null)[], ...unknown[]]} live  points from any time on
 * @param {number} until  Unix ms: what is older is in the drawing already
 * @returns {Drawing}
 */
export function joined(drawn, [seconds, values], until) {
  const fresh = seconds.map((_, index) => index).filter((index) => /** @type {number} */ (seconds[index]) * 1000 >= until);
  const times = fresh.map((index) => /** @type {number} */ (seconds[index]));
  const more = fresh.map((index) => values[index] ?? null);
  const [end, begin] = [drawn.xs.at(-1) ?? Infinity, times[0] ?? -Infinity];
  if ((begin - end) * 1000 > drawn.longest_ms) {
    times.unshift((end + begin) / 2);
    more.unshift(null);
  }
  return {
    ...drawn,
    xs: [...drawn.xs, ...times],
    ys: [...drawn.ys, ...more],
    lows: [...drawn.lows, ...more],
    highs: [...drawn.highs, ...more],
  };
}

/** @param {Drawing} drawn @param {number} ms @param {number | null} value @param {number | null} low @param {number | null} high */
function put(drawn, ms, value, low, high) {
  drawn.xs.push(ms / 1000);
  drawn.ys.push(value);
  drawn.lows.push(low);
  drawn.highs.push(high);
}
