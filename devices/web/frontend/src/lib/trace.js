/** A metric's latest values, for a small line. Pure. */

import { longestStep, typicalStep } from "./series.js";

/** @typedef {{ts: number, rev: number, value: number | null}} Traced  null: no number, a gap */

const LEAST_STEP_MS = 1_000;

/**
 * What belongs on the line, in order of time: a value that came late by far would push all others into a corner.
 * @param {Traced[]} points  as they came
 */
export function recent(points) {
  const sorted = [...points].sort((one, other) => one.ts - other.ts || one.rev - other.rev);
  const step_ms = Math.max(LEAST_STEP_MS, typicalStep(sorted.map(({ ts }) => ts)));
  const late = new Set(lateBy(points, points.length * step_ms));
  return sorted.filter((point) => !late.has(point));
}

/** Those that came after others so much younger. @param {Traced[]} points  as they came @param {number} by_ms */
function lateBy(points, by_ms) {
  let newest = -Infinity;
  return points.filter(({ ts }) => {
    newest = Math.max(newest, ts);
    return ts < newest - by_ms;
  });
}

/**
 * Broken where the device was silent or sent no number.
 * @param {Traced[]} points  in order of time
 * @returns {[ts: number, value: number][][]}
 */
export function runs(points) {
  const longest = longestStep(points.map(({ ts }) => ts));
  /** @type {[number, number][][]} */ const found = [[]];
  let before = -Infinity;
  for (const { ts, value } of points) {
    if (value === null || ts - before > longest) found.push([]);
    if (value !== null) found.at(-1)?.push([ts, value]);
    before = ts;
  }
  return found.filter((run) => run.length > 0);
}
