/** What a device is said to be (docs/http-api.md, "What a device is"), as its page shows it. Pure. */

import { isObject } from "#client/stream.js";
import { isKey, t } from "../words/words.js";
import { decimalsOfStep, formatNumber, formatValue } from "./format.js";

/** @import {Json, JsonObject, Metric, Scalar} from "#client/types.js" */
/** @import {Schema} from "../kit/schema.js" */

/**
 * A metric of the device, or an argument of an action; a text that isn't known is empty.
 * @typedef {object} Property
 * @property {string} metric
 * @property {string} label  the metric's name, if there is none
 * @property {"number" | "boolean" | "text" | "enum" | "json" | "location"} kind
 * @property {string} unit
 * @property {string} class  Home Assistant's word for what is measured
 * @property {number | null} low
 * @property {number | null} high
 * @property {number | null} step
 * @property {readonly string[]} values  of an enum
 * @property {boolean} settable
 * @property {boolean} diagnostic
 * @property {boolean} available
 * @property {string} note
 *
 * @typedef {{name: string, label: string, args: readonly Property[]}} Action
 *
 * @typedef {object} Described
 * @property {{readonly [field in Field]: string}} texts  "": not known
 * @property {ReadonlyMap<string, Property>} properties  by metric
 * @property {readonly Action[]} actions
 * @property {number | "never" | null} stale_after_s  null: nothing is said
 * @property {boolean} withdrawn
 *
 * @typedef {"name" | "manufacturer" | "model" | "hardware" | "firmware" | "serial" | "area" | "via" | "origin" | "dialect"} Field
 */

/** @type {readonly Field[]} */
const FIELDS = ["name", "manufacturer", "model", "hardware", "firmware", "serial", "area", "via", "origin", "dialect"];
const KINDS = ["number", "boolean", "text", "enum", "json", "location"];
const MOST_DECIMALS = 6;

/** @param {Json | undefined} json  the section `description` @returns {Described} */
export function described(json) {
  const found = isObject(json) ? json : {};
  const properties = listOf(found["properties"]).map(propertyOf);
  const stale = found["stale_after_s"];
  return {
    texts: /** @type {any} */ (Object.fromEntries(FIELDS.map((field) => [field, textOf(found[field])]))),
    properties: new Map(properties.map((one) => [one.metric, one])),
    actions: listOf(found["actions"]).map((one) => ({
      name: textOf(one["name"]),
      label: textOf(one["label"]) || textOf(one["name"]),
      args: listOf(one["args"]).map(propertyOf),
    })),
    stale_after_s: stale === "never" || (typeof stale === "number" && stale > 0) ? stale : null,
    withdrawn: found["withdrawn"] === true,
  };
}

/** @param {JsonObject} json @returns {Property} */
function propertyOf(json) {
  const metric = textOf(json["metric"]);
  const kind = textOf(json["kind"]);
  return {
    metric,
    label: textOf(json["label"]) || metric,
    kind: /** @type {Property["kind"]} */ (KINDS.includes(kind) ? kind : "text"),
    unit: textOf(json["unit"]),
    class: textOf(json["class"]),
    low: numberOf(json["low"]),
    high: numberOf(json["high"]),
    step: numberOf(json["step"]),
    values: Array.isArray(json["values"]) ? json["values"].filter((one) => typeof one === "string") : [],
    settable: json["settable"] === true,
    diagnostic: json["diagnostic"] === true,
    available: json["available"] !== false,
    note: textOf(json["note"]),
  };
}

/** @param {Json | undefined} json @returns {JsonObject[]} */
function listOf(json) {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

/** @param {Json | undefined} json */
function textOf(json) {
  return typeof json === "string" ? json : "";
}

/** @param {Json | undefined} json */
function numberOf(json) {
  return typeof json === "number" ? json : null;
}

/**
 * A value without its unit: with as many decimals as its step has; a boolean by its class (open, wet), an enum in words.
 * @param {Property | undefined} property
 * @param {Scalar | undefined} value
 * @param {(value: Scalar | undefined) => string} [otherwise]  for what the description says nothing of
 */
export function sayValue(property, value, otherwise = formatValue) {
  if (!property || value === undefined || value === null) return otherwise(value);
  if (typeof value === "boolean") return wordOf(property.class, value);
  if (typeof value === "string" && property.kind === "enum") return enumWord(value);
  if (typeof value === "number" && property.step !== null && property.step > 0) return stepped(value, property.step);
  return otherwise(value);
}

/** As many decimals as the step has; more where the value is between two steps. @param {number} value @param {number} step */
function stepped(value, step) {
  const decimals = decimalsOfStep(step);
  if (decimals > MOST_DECIMALS) return formatNumber(value);
  const isBetween = Math.abs(value - Number(value.toFixed(decimals))) > step / 1000;
  return isBetween ? formatNumber(value, decimals) : formatNumber(Number(value.toFixed(decimals)), decimals);
}

/** A boolean in the words of what is measured: a door is open, a leak wet. @param {string} device_class @param {boolean} value */
function wordOf(device_class, value) {
  const key = `class.${GROUPS[device_class] ?? ""}.${value ? "on" : "off"}`;
  return isKey(key) ? t(/** @type {"class.opening.on"} */ (key)) : t(value ? "value.on" : "value.off");
}

/** @type {{readonly [device_class: string]: string | undefined}} */
const GROUPS = Object.assign(Object.create(null), {
  door: "opening",
  garage_door: "opening",
  window: "opening",
  opening: "opening",
  motion: "motion",
  moving: "motion",
  vibration: "motion",
  occupancy: "occupancy",
  moisture: "moisture",
  smoke: "alarm",
  gas: "alarm",
  carbon_monoxide: "alarm",
  sound: "alarm",
  tamper: "alarm",
  problem: "problem",
  safety: "problem",
  connectivity: "connectivity",
  battery: "battery",
});

/** heat_cool → heat cool; a word alone stays as it is. @param {string} value */
export function enumWord(value) {
  return value.replaceAll("_", " ").trim() || value;
}

/**
 * The form of an action's arguments. Those that have no known kind of field are JSON.
 * @param {Action} action
 * @returns {Schema}
 */
export function schemaOf(action) {
  return { type: "object", properties: Object.fromEntries(action.args.map((one) => [one.metric, schemaOfArgument(one)])) };
}

/** @param {Property} one @returns {Schema} */
function schemaOfArgument({ kind, label, unit, low, high, step, values, note }) {
  const title = unit ? `${label} (${unit})` : label;
  const common = { title, ...(note ? { description: note } : {}) };
  if (kind === "enum") return { ...common, enum: values };
  if (kind === "boolean") return { ...common, enum: [true, false] }; // may be left out
  if (kind === "text") return { ...common, type: "string" };
  if (kind !== "number") return common;
  const isWhole = step !== null && Number.isInteger(step) && Number.isInteger(low ?? 0);
  const range = { ...(low === null ? {} : { minimum: low }), ...(high === null ? {} : { maximum: high }) };
  return { ...common, type: isWhole ? "integer" : "number", ...range };
}

/** @typedef {{metric: string, share: number | null, weak: boolean}} Glance  share: 0…1; null: not known */

/**
 * How full the battery is; null: it has none, or does not say.
 * @param {Described} what
 * @param {{readonly [metric: string]: Metric}} metrics
 * @returns {Glance | null}
 */
export function batteryOf(what, metrics) {
  const of = [...what.properties.values()].find((one) => one.class === "battery" && one.metric in metrics);
  const metric = of?.metric ?? ["battery", "battery_level"].find((name) => name in metrics);
  const value = metric === undefined ? undefined : metrics[metric]?.value;
  if (metric === undefined || (typeof value !== "number" && typeof value !== "boolean")) return null;
  if (typeof value === "boolean") return of ? { metric, share: null, weak: value } : null; // of that class: true is low
  const share = of && of.unit !== "%" && of.unit !== "" ? null : clamp(value / 100);
  return { metric, share, weak: share !== null && share < 0.2 };
}

/**
 * How well it is received: dBm, per cent, or Zigbee's link quality of 255.
 * @param {Described} what
 * @param {{readonly [metric: string]: Metric}} metrics
 * @returns {Glance | null}
 */
export function signalOf(what, metrics) {
  const isThere = (/** @type {string} */ name) => typeof metrics[name]?.value === "number";
  const of = [...what.properties.values()].find((one) => one.class === "signal_strength" && isThere(one.metric));
  const metric = of?.metric ?? ["linkquality", "Wifi.Signal", "wifi.rssi", "rssi"].find(isThere);
  if (metric === undefined) return null;
  const value = Number(metrics[metric]?.value);
  const unit = what.properties.get(metric)?.unit ?? "";
  const share = signalShare(metric, unit, value);
  return { metric, share, weak: share !== null && share < 0.25 };
}

/** @param {string} metric @param {string} unit @param {number} value */
function signalShare(metric, unit, value) {
  if (unit === "dBm" || unit === "dB" || value < 0) return clamp((value + 95) / 50); // -95 is hardly heard, -45 is close by
  if (unit === "%") return clamp(value / 100);
  return metric === "linkquality" || unit === "lqi" ? clamp(value / 255) : null;
}

/** @param {number} share */
function clamp(share) {
  return Math.min(1, Math.max(0, share));
}
