/** Stretches of time moved and scaled, within what can be shown. Pure. */

/** @typedef {[from: number, to: number]} Times  Unix ms */

const LEAST_MS = 5_000;
const MOST_MS = 366 * 86_400_000;

/**
 * Earlier or later by a part of its width, not beyond now.
 * @param {Times} stretch @param {number} share  less than 0: earlier @param {number} now  Unix ms
 * @returns {Times}
 */
export function moved([from, to], share, now) {
  return before([from + share * (to - from), to + share * (to - from)], now);
}

/**
 * A longer time, or a shorter one, around a place that stays where it is.
 * @param {Times} stretch @param {number} factor  over 1: longer @param {number} at  0…1, of the width @param {number} now  Unix ms
 * @returns {Times}
 */
export function scaled([from, to], factor, at, now) {
  const width = Math.min(MOST_MS, Math.max(LEAST_MS, (to - from) * factor));
  const begin = from + at * (to - from) - at * width;
  return before([begin, begin + width], now);
}

/** As long, and no later than now. @param {Times} stretch @param {number} now @returns {Times} */
function before([from, to], now) {
  const beyond = Math.max(0, to - now);
  return [Math.round(from - beyond), Math.round(to - beyond)];
}
