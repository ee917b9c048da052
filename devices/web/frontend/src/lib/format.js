/** Values, times and reasons as people read them, in the chosen language and time zone. Times are Unix ms. */

import { isObject } from "#client/stream.js";
import { dateFormat, numberFormat } from "../words/locale.js";
import { isKey, t } from "../words/words.js";

/** @import {Json, Presence, Scalar} from "#client/types.js" */

const MOST_DECIMALS = 20;
const MOST_TICK_DECIMALS = 9;

/**
 * A metric's value in few characters: 21.53, 1,013.2, 0.0042, on, off; of large numbers all digits.
 * @param {Scalar | undefined} value
 * @param {number} [decimals]  at least so many (see Decimals)
 */
export function formatValue(value, decimals = 0) {
  if (typeof value === "number") return formatNumber(value, decimals);
  if (typeof value === "boolean") return t(value ? "value.on" : "value.off");
  return value === undefined ? "–" : String(value);
}

/** @param {number} value @param {number} [decimals] */
export function formatNumber(value, decimals = 0) {
  const size = Math.abs(value);
  if (size > Number.MAX_SAFE_INTEGER) return exponential(value.toExponential()); // as exactly as it is known
  if (size > 0 && size < 1e-4) return exponential(value.toExponential(3));
  return formatFixed(value, Math.max(decimals, decimalsOf(value)));
}

/** The label of an axis. @param {number} value @param {number} step  between two labels */
export function formatTick(value, step) {
  if (Math.abs(value) < step / 1000) return "0";
  const decimals = decimalsOfStep(step);
  const extreme = Math.abs(value) >= 1e17 || decimals > MOST_TICK_DECIMALS;
  return extreme ? exponential(Number(value.toPrecision(12)).toExponential()) : formatFixed(value, decimals);
}

/** How many decimals tell multiples of a step apart: 2 for 0.25. @param {number} step */
export function decimalsOfStep(step) {
  let decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  while (decimals < MOST_TICK_DECIMALS && !isWhole(step * 10 ** decimals)) decimals += 1;
  return decimals;
}

/** @param {number} value  but for what floating point adds */
function isWhole(value) {
  return Math.abs(value - Math.round(value)) < 1e-6;
}

/** @param {number} value @param {number} decimals */
function formatFixed(value, decimals) {
  const text = numberFormat({ minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
  return text.replace(/^-(?=[0.,]*$)/, ""); // zero has no sign
}

/** With the language's decimal point. @param {string} text */
function exponential(text) {
  return text.replace(".", formatFixed(0.5, 1).charAt(1));
}

/** 1,234: how many there are. @param {number} count */
export function formatCount(count) {
  return formatFixed(count, 0);
}

/** How many decimals a number needs, and no more than make sense for its size. @param {number} value */
function decimalsOf(value) {
  const size = Math.abs(value);
  const most = size >= 1e9 ? MOST_DECIMALS : size >= 1000 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : size >= 0.01 ? 4 : 5;
  return Math.min(most, (String(value).split(".")[1] ?? "").length);
}

/**
 * Remembers how many decimals each metric has shown, so that 38 among 37.9 and 38.1 reads 38.0 and nothing jumps.
 */
export class Decimals {
  /** @type {Map<string, number>} */ #most = new Map();

  /** @param {string} metric @param {Scalar | undefined} value */
  format(metric, value) {
    if (typeof value !== "number") return formatValue(value);
    const most = Math.max(this.#most.get(metric) ?? 0, decimalsOf(value));
    this.#most.set(metric, most);
    return formatNumber(value, most);
  }
}

/** JSON on one line, with room after separators. @param {Json | undefined} value */
export function formatJson(value) {
  if (value === undefined) return "";
  return JSON.stringify(value, null, 1)
    .replace(/\n\s*/g, " ")
    .replace(/([[{]) /g, "$1")
    .replace(/ ([\]}])/g, "$1");
}

/**
 * What the server left out of a list or a frame for its size; null: nothing, this is the value itself.
 * @param {Json | undefined} value
 * @returns {{bytes: number, href: string} | null}  href: below the pages' base
 */
export function cutOf(value) {
  const cut = isObject(value) && Object.keys(value).length === 1 ? value["cut"] : null;
  if (!isObject(cut)) return null;
  const { bytes, href } = cut;
  const ours = typeof href === "string" && /^\/api\/v1\/commands\/[0-9a-f-]+$/.test(href); // a device may say anything
  return ours && typeof bytes === "number" ? { bytes, href } : null;
}

/** 255 kB @param {number} bytes */
export function formatBytes(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${formatFixed(bytes / 1000, 0)} kB`;
}

/** @type {Intl.DateTimeFormatOptions} */
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
/** @type {Intl.DateTimeFormatOptions} */
const DAY = { day: "numeric", month: "short" };

/** 12:03:04 today; 21 Nov, 12:03:04 on other days; with the year in another one. @param {number} ms @param {number} [now] */
export function formatTime(ms, now = Date.now()) {
  if (dayOf(ms) === dayOf(now)) return dateFormat(CLOCK).format(ms);
  return dateFormat({ ...DAY, ...CLOCK, ...(yearOf(ms) === yearOf(now) ? {} : { year: "numeric" }) }).format(ms);
}

/** The same in few characters: 12:03:04 today, the day alone on others. @param {number} ms @param {number} [now] */
export function formatMoment(ms, now = Date.now()) {
  return dateFormat(dayOf(ms) === dayOf(now) ? CLOCK : DAY).format(ms);
}

/** 12:03:04.123 @param {number} ms */
export function formatTimeMs(ms) {
  return dateFormat({ ...CLOCK, fractionalSecondDigits: 3 }).format(ms);
}

/**
 * The labels of an axis of time: clock times, and the date where another day begins and at the first one, if days change
 * or it is not today.
 * @param {number[]} times  Unix ms, ascending
 * @param {number} step_ms  between two
 * @param {number} [now]
 */
export function formatTimeAxis(times, step_ms, now = Date.now()) {
  const clock = dateFormat({ hour: "2-digit", minute: "2-digit", ...(step_ms < 60_000 ? { second: "2-digit" } : {}) });
  const day = dateFormat({ ...DAY, ...(times.some((one) => yearOf(one) !== yearOf(now)) ? { year: "numeric" } : {}) });
  return times.map((ms, index) => {
    const before = times[index - 1];
    const isNew = before === undefined ? dayOf(ms) !== dayOf(now) : dayOf(ms) !== dayOf(before);
    if (step_ms >= 86_400_000) return day.format(ms);
    return isNew ? `${clock.format(ms)}\n${day.format(ms)}` : clock.format(ms);
  });
}

/** @param {number} ms */
function dayOf(ms) {
  return dateFormat({ year: "numeric", month: "numeric", day: "numeric" }).format(ms);
}

/** @param {number} ms */
function yearOf(ms) {
  return dateFormat({ year: "numeric" }).format(ms);
}

/** How long something takes or has taken: 3 s, 12 min, 5 h, 2 d. @param {number} ms */
export function formatSpan(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("span.seconds", { n: seconds });
  if (seconds < 3600) return t("span.minutes", { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return t("span.hours", { n: Math.floor(seconds / 3600) });
  return t("span.days", { n: Math.floor(seconds / 86400) });
}

/** 25 %. @param {number} share  0…1 */
export function formatPercent(share) {
  return numberFormat({ style: "percent", maximumFractionDigits: share < 0.01 ? 1 : 0 }).format(share);
}

/** How much of a stretch of time: "133 of 360 minutes". @param {number} part_ms @param {number} whole_ms */
export function formatShare(part_ms, whole_ms) {
  const isShort = whole_ms < 180_000;
  const unit_ms = isShort ? 1000 : 60_000;
  const values = { part: Math.max(0, Math.floor(part_ms / unit_ms)), whole: Math.round(whole_ms / unit_ms) };
  return t(isShort ? "share.seconds" : "share.minutes", values);
}

/** A latency: 8 ms, 1.24 s, 3 min. @param {number} ms */
export function formatLatency(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 60_000 ? `${formatFixed(ms / 1000, 2)} s` : formatSpan(ms);
}

/** Why a presence is what it is, as a phrase. @param {Presence} presence */
export function formatWhy({ why }) {
  const key = `why.${why}`;
  return isKey(key) ? t(/** @type {"why.birth"} */ (key)) : why.replaceAll("_", " ");
}
