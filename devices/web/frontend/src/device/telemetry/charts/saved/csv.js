/** What charts show as CSV, in the long form: a line a value. Pure. */

/**
 * @import {SeriesAnswer} from "../drawings.js"
 * @typedef {[time: number, device: string, metric: string, value: string | number | boolean | null, ...more: (number | null)[]]} Line  Unix ms
 */

const HEAD = ["time", "device", "metric", "value", "min", "max", "share"];

/** @param {Line[]} lines */
export function csvOf(lines) {
  const texts = lines.map(([time, ...cells]) => [new Date(time).toISOString(), ...cells]);
  return [HEAD, ...texts].map((cells) => cells.map(quoted).join(",") + "\r\n").join("");
}

/**
 * A line a raw value, a bucket, or a value's share of a bucket, at its begin. Gaps are left out.
 * @param {SeriesAnswer} series
 * @returns {Line[]}
 */
export function linesOf({ device, metric, ts, last = [], mean, min, max, shares }) {
  return ts.flatMap((time, index) => {
    /** @type {Line} */ const begin = [time, device, metric, null];
    if (shares) return Object.entries(shares[index] ?? {}).map(([value, share]) => /** @type {Line} */ ([time, device, metric, value, null, null, share]));
    if (mean) return [/** @type {Line} */ ([time, device, metric, mean[index] ?? null, min?.[index] ?? null, max?.[index] ?? null])];
    begin[3] = last[index] ?? null;
    return begin[3] === null ? [] : [begin];
  });
}

/** As RFC 4180 has it. A text that a spreadsheet would take for a formula gets an apostrophe before it. @param {unknown} cell */
function quoted(cell) {
  if (cell === null || cell === undefined) return "";
  const text = typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
