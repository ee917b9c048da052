/** Values, times and reasons as people read them. Pure; times are Unix ms and shown in the browser's zone. */

import { isObject } from "#client/stream.js";

/** @import {Json, Presence, Scalar} from "#client/types.js" */

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockMs = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const dayAndClock = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

const MOST_DECIMALS = 20;
const MOST_TICK_DECIMALS = 9;

/**
 * A metric's value in few characters: 21.53, 1,013.2, 0.0042, on, off; of large numbers all digits.
 * @param {Scalar | undefined} value
 * @param {number} [decimals]  at least so many (see Decimals)
 */
export function formatValue(value, decimals = 0) {
  if (typeof value === "number") return formatNumber(value, decimals);
  if (typeof value === "boolean") return value ? "on" : "off";
  return value === undefined ? "–" : String(value);
}

/** @param {number} value @param {number} [decimals] */
export function formatNumber(value, decimals = 0) {
  const size = Math.abs(value);
  if (size > Number.MAX_SAFE_INTEGER) return value.toExponential(); // as exactly as it is known
  if (size > 0 && size < 1e-4) return value.toExponential(3);
  return formatFixed(value, Math.max(decimals, decimalsOf(value)));
}

/** The label of an axis. @param {number} value @param {number} step  between two labels */
export function formatTick(value, step) {
  if (Math.abs(value) < step / 1000) return "0";
  const decimals = decimalsOfStep(step);
  const extreme = Math.abs(value) >= 1e17 || decimals > MOST_TICK_DECIMALS;
  return extreme ? Number(value.toPrecision(12)).toExponential() : formatFixed(value, decimals);
}

/** How many decimals tell multiples of a step apart: 2 for 0.25. @param {number} step */
function decimalsOfStep(step) {
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
  const text = decimals === 0 ? grouped.format(value) : fixed(decimals).format(value);
  return text.replace(/^-(?=[0.,]*$)/, ""); // zero has no sign
}

/** How many decimals a number needs, and no more than make sense for its size. @param {number} value */
function decimalsOf(value) {
  const size = Math.abs(value);
  const most = size >= 1e9 ? MOST_DECIMALS : size >= 1000 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : size >= 0.01 ? 4 : 5;
  return Math.min(most, (String(value).split(".")[1] ?? "").length);
}

/** @type {Map<number, Intl.NumberFormat>} */
const fixedFormats = new Map();

/** @param {number} digits */
function fixed(digits) {
  const known = fixedFormats.get(digits);
  if (known) return known;
  const made = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  fixedFormats.set(digits, made);
  return made;
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
  return bytes < 1000 ? `${bytes} B` : `${grouped.format(bytes / 1000)} kB`;
}

/** 12:03:04 today, 21 Nov, 12:03:04 on other days. @param {number} ms @param {number} [now] */
export function formatTime(ms, now = Date.now()) {
  const sameDay = new Date(ms).toDateString() === new Date(now).toDateString();
  return (sameDay ? clock : dayAndClock).format(ms);
}

/** 12:03:04.123 @param {number} ms */
export function formatTimeMs(ms) {
  return clockMs.format(ms);
}

/** How long something takes or has taken: 3 s, 12 min, 5 h, 2 d. @param {number} ms */
export function formatSpan(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** How much of a stretch of time: "133 of 360 minutes". @param {number} part_ms @param {number} whole_ms */
export function formatShare(part_ms, whole_ms) {
  const [unit_ms, name] = whole_ms < 180_000 ? [1000, "seconds"] : [60_000, "minutes"];
  return `${Math.max(0, Math.floor(part_ms / unit_ms))} of ${Math.round(whole_ms / unit_ms)} ${name}`;
}

/** A latency: 8 ms, 1.24 s, 3 min. @param {number} ms */
export function formatLatency(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(2)} s` : formatSpan(ms);
}

/** @type {{[why: string]: string}} */
const WHYS = {
  never_seen: "nothing was heard from it yet",
  birth: "it announced itself",
  will: "the broker delivered its last will",
  message: "it sent a message",
  retained: "a status that the broker had kept; nothing live yet",
  replayed: "heard, but held up by an outage; nothing live since",
  silence: "silent for too long",
  unconfirmed: "last heard of across an outage; nothing live has confirmed it",
  outage: "said to be gone, but in an outage of the broker or of our link to it",
  doubted: "whoever speaks for it has lost sight of it",
  link_down: "our own link to the broker is down",
};

/** Why a presence is what it is, as a phrase. @param {Presence} presence */
export function formatWhy({ why }) {
  return WHYS[why] ?? why.replaceAll("_", " ");
}
