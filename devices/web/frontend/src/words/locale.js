/** In which language and time zone this page speaks: chosen once, before anything is shown. Formats follow from it. */

/** @import {Language} from "./types" */

/** @type {{language: Language, zone: string | undefined}} */
let chosen = { language: "en", zone: undefined };

/** @type {Map<string, any>} */
const formats = new Map();

/**
 * @param {{language?: string | null | undefined, zone?: string | null | undefined}} preferred  null: as the browser has it
 * @param {readonly string[]} [browsers]  the browser's languages, the preferred first
 */
export function setLocale({ language, zone }, browsers = []) {
  const wanted = [language, ...browsers.map((one) => one.slice(0, 2).toLowerCase())];
  const known = wanted.find((one) => one === "en" || one === "de");
  chosen = { language: /** @type {Language} */ (known ?? "en"), zone: isZone(zone) ? zone : undefined };
  formats.clear();
}

/** @returns {Language} */
export function language() {
  return chosen.language;
}

/** The time zone that times are shown in, like Europe/Berlin. */
export function zone() {
  return chosen.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The zone and what it differs from UTC by at a moment: Europe/Berlin (GMT+1). @param {number} ms */
export function zoneNote(ms) {
  const parts = dateFormat({ timeZoneName: "shortOffset" }).formatToParts(ms);
  const offset = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  return zone() === "UTC" ? "UTC" : `${zone()} (${offset.replace("GMT", "UTC")})`;
}

/** @param {Intl.NumberFormatOptions} options @returns {Intl.NumberFormat} */
export function numberFormat(options) {
  return kept("number", options, () => new Intl.NumberFormat(chosen.language, options));
}

/** @param {Intl.DateTimeFormatOptions} options @returns {Intl.DateTimeFormat} */
export function dateFormat(options) {
  const locale = chosen.language === "en" ? "en-GB" : chosen.language;
  return kept("date", options, () => new Intl.DateTimeFormat(locale, { ...options, timeZone: zone() }));
}

/** @returns {Intl.Collator} */
export function collator() {
  return kept("collator", null, () => new Intl.Collator(chosen.language, { numeric: true }));
}

/** @returns {Intl.PluralRules} */
export function pluralRules() {
  return kept("plural", null, () => new Intl.PluralRules(chosen.language));
}

/**
 * Making one takes a hundred times as long as using it.
 * @template T
 * @param {string} kind
 * @param {object | null} options
 * @param {() => T} make
 * @returns {T}
 */
function kept(kind, options, make) {
  const key = kind + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, make());
  return formats.get(key);
}

/** @param {string | null | undefined} name @returns {name is string} */
function isZone(name) {
  if (!name) return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
