/** JSON Schema as forms have it: which fields there are, and what is meant by what stands in them. Pure. */

import { inexact } from "../lib/json/exact.js";
import { wrongIn } from "../lib/json/faults.js";
import { t } from "../words/words.js";

/** @import {Json} from "#client/types.js" */

/**
 * The part of JSON Schema that is understood; all else becomes a field of JSON text.
 * @typedef {object} Schema
 * @property {string} [type]
 * @property {string} [title]
 * @property {string} [description]
 * @property {readonly Json[]} [enum]
 * @property {Json} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {{readonly [name: string]: Schema}} [properties]
 * @property {readonly string[]} [required]
 */

/**
 * @typedef {object} FormField
 * @property {string} name
 * @property {string} label
 * @property {string} hint
 * @property {"text" | "number" | "boolean" | "choice" | "json"} kind
 * @property {boolean} required
 * @property {Schema} schema
 */

/** @typedef {{value: Json | undefined, error: ""} | {value?: undefined, error: string}} Read  undefined: left out */

/** The fields of an object's schema. @param {Schema} schema @returns {FormField[]} */
export function fieldsOf(schema) {
  return Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    label: one.title ?? name,
    hint: one.description ?? "",
    kind: kindOf(one),
    required: schema.required?.includes(name) ?? false,
    schema: one,
  }));
}

/** @param {Schema} schema @returns {FormField["kind"]} */
function kindOf({ type, enum: choices }) {
  if (choices) return "choice";
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  return type === "string" ? "text" : "json";
}

/** What stands in a field at first. @param {FormField} field @param {Json | undefined} value */
export function textOf({ kind, schema }, value = schema.default) {
  if (value === undefined) return "";
  return kind === "text" ? String(value) : JSON.stringify(value, null, kind === "json" ? 2 : 0);
}

/** What is meant by a field's text. @param {FormField} field @param {string} text @returns {Read} */
export function read(field, text) {
  if (field.kind === "boolean") return { value: text === "true", error: "" };
  if (text.trim() === "" && (field.kind !== "text" || text === ""))
    return field.required ? { error: t("kit.required") } : { value: undefined, error: "" };
  if (field.kind === "text") return { value: text, error: "" };
  return field.kind === "number" ? readNumber(field.schema, text) : readJson(text);
}

/** @param {Schema} schema @param {string} text @returns {Read} */
function readNumber({ type, minimum, maximum }, text) {
  const value = Number(text.trim().replace(/^(-?\d+),(\d+)$/, "$1.$2")); // 21,5
  if (!Number.isFinite(value)) return { error: t("kit.bad_number") };
  if (type === "integer" && !Number.isSafeInteger(value)) return { error: t("kit.bad_integer") };
  if (minimum !== undefined && value < minimum) return { error: t("kit.low", { low: minimum }) };
  if (maximum !== undefined && value > maximum) return { error: t("kit.high", { high: maximum }) };
  return { value: value || 0, error: "" };
}

/** @param {string} text @returns {Read} */
function readJson(text) {
  const wrong = wrongIn(text);
  const lost = wrong ? t("kit.bad_json", { why: wrong }) : inexact(text);
  return lost ? { error: lost } : { value: JSON.parse(text), error: "" };
}

/**
 * The object that the texts mean, or what is wrong with which of them.
 * @param {FormField[]} fields
 * @param {{[name: string]: string}} texts
 * @returns {{value: {[name: string]: Json}, errors: {[name: string]: string}}}
 */
export function readAll(fields, texts) {
  /** @type {{[name: string]: Json}} */ const value = {};
  /** @type {{[name: string]: string}} */ const errors = {};
  for (const field of fields) {
    const found = read(field, texts[field.name] ?? "");
    if (found.error) errors[field.name] = found.error;
    else if (found.value !== undefined) value[field.name] = found.value;
  }
  return { value, errors };
}
