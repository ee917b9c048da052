/** Rates from the ledger's ever-growing counts. Pure. */

import { formatCount, formatNumber } from "./format.js";

/** @import {Ledger} from "#client/types.js" */

/** @typedef {{at: number, ledger: Ledger}} Sample  `at`: Unix ms on the server's clock */

export const OUTCOMES = /** @type {const} */ (["applied", "duplicate", "quarantined", "rejected", "dropped"]);
const OVER_MS = 10_000;

/** @typedef {"received" | typeof OUTCOMES[number]} Counted */

/**
 * Messages a second over about the last ten seconds.
 * @param {Sample[]} samples  oldest first
 * @returns {{[name in Counted]: number} | null}  null with less than two samples, or when the counts began anew
 */
export function rateOf(samples) {
  const last = samples.at(-1);
  const first = samples.find(({ at }) => last && at >= last.at - OVER_MS);
  if (!last || !first || first.at === last.at) return null;
  const between = (/** @type {Counted} */ name) => rateBetween(first, last, name);
  const [received, ...others] = [between("received"), ...OUTCOMES.map(between)];
  if (received === undefined || received < 0) return null;
  const rates = Object.fromEntries(OUTCOMES.map((name, index) => [name, others[index]]));
  return /** @type {{[name in Counted]: number}} */ ({ received, ...rates });
}

/** @param {Sample} first @param {Sample} last @param {Counted} name */
function rateBetween(first, last, name) {
  return ((last.ledger[name] - first.ledger[name]) * 1000) / (last.at - first.at);
}

/**
 * Received a second from sample to sample, for a small chart.
 * @param {Sample[]} samples
 * @returns {number[]}
 */
export function rateSeries(samples) {
  return samples.slice(1).flatMap((sample, index) => {
    const before = samples[index];
    if (!before || sample.at <= before.at) return [];
    return [Math.max(0, rateBetween(before, sample, "received"))];
  });
}

/**
 * How far received is from the sum of what became of it.
 * @param {Ledger} ledger
 */
export function missing(ledger) {
  return ledger.received - ledger.in_flight - OUTCOMES.reduce((sum, name) => sum + ledger[name], 0);
}

/** 0.4, 12, 4,310 @param {number} rate */
export function formatRate(rate) {
  return rate > 0 && rate < 9.95 ? formatNumber(Math.round(rate * 10) / 10, 1) : formatCount(rate);
}
