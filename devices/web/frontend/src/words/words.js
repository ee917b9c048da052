/** The pages' texts in the chosen language: `t("worker.since", {time})`. Which there are, and what each needs, is checked by tsc. */

import { de } from "./de.js";
import { en } from "./en.js";
import { language, numberFormat, pluralRules } from "./locale.js";

/** @import {Catalogue, Key, Language, ValuesOf} from "./types" */

/** @type {{[language in Language]: Catalogue}} */
export const CATALOGUES = { en, de };

/**
 * A text with its values; numbers among them by the language's rules.
 * @template {Key} K
 * @param {K} key
 * @param {ValuesOf<K>} values
 * @returns {string}
 */
export function t(key, ...values) {
  return pieces(key, /** @type {any} */ (values[0] ?? {})).join("");
}

/**
 * The same in pieces, for values that are more than text: elements.
 * @template {Key} K
 * @template Value
 * @param {K} key
 * @param {ValuesOf<K, Value>} values
 * @returns {(string | Value)[]}
 */
export function parts(key, ...values) {
  return pieces(key, /** @type {any} */ (values[0] ?? {}));
}

/** Whether there is such a text: for names that come from the server. @param {string} key @returns {key is Key} */
export function isKey(key) {
  return Object.hasOwn(en, key);
}

/** @param {Key} key @param {{[name: string]: any}} values */
function pieces(key, values) {
  const entry = CATALOGUES[language()][key];
  const text = typeof entry === "string" ? entry : entry[form(Number(values["count"]))];
  return text.split(/\{(\w+)\}/).map((piece, index) => (index % 2 ? shown(values[piece]) : piece));
}

/** @param {number} count @returns {"one" | "other"} */
function form(count) {
  return pluralRules().select(count) === "one" ? "one" : "other";
}

/** @param {any} value */
function shown(value) {
  return typeof value === "number" ? numberFormat({ maximumFractionDigits: 20 }).format(value || 0) : value;
}
