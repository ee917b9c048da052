/** What a list of devices shows of what they are: names, and their metrics' labels and units. Pure. */

import { isObject } from "#client/stream.js";

/** @import {DeviceState, JsonObject} from "#client/types.js" */

/**
 * @typedef {{label: string, unit: string, diagnostic: boolean}} Shown  "": not known
 * @typedef {{name: string, properties: ReadonlyMap<string, Shown>}} Brief  by metric
 */

/** @type {Brief} */
const NOTHING = { name: "", properties: new Map() };

/** Each description is read once: states share it until it changes. @type {WeakMap<JsonObject, Brief>} */
const read = new WeakMap();

/** @param {Pick<DeviceState, "description">} state @returns {Brief} */
export function briefOf({ description }) {
  if (!description) return NOTHING;
  const known = read.get(description);
  if (known) return known;
  const { name, properties } = description;
  const found = (Array.isArray(properties) ? properties : []).filter(isObject);
  const brief = {
    name: textOf(name),
    properties: new Map(found.map((one) => [textOf(one["metric"]), shownOf(one)])),
  };
  read.set(description, brief);
  return brief;
}

/** @param {JsonObject} property @returns {Shown} */
function shownOf(property) {
  return { label: textOf(property["label"]), unit: textOf(property["unit"]), diagnostic: property["diagnostic"] === true };
}

/**
 * What a metric is called in common: by the devices that have a label for it, if all have the same.
 * @param {Iterable<{state: Pick<DeviceState, "description">}>} devices
 * @returns {Map<string, string>}
 */
export function commonLabels(devices) {
  /** @type {Map<string, string>} */ const labels = new Map();
  for (const { state } of devices) {
    for (const [metric, { label }] of briefOf(state).properties) {
      if (!label) continue;
      const other = labels.get(metric);
      labels.set(metric, other === undefined || other === label ? label : "");
    }
  }
  return new Map([...labels].filter(([, label]) => label));
}

/** 21.5 °C @param {string} text @param {unknown} value  the unit is that of a number @param {string} unit */
export function withUnit(text, value, unit) {
  return unit && typeof value === "number" ? `${text}\u00a0${unit}` : text;
}

/** @param {unknown} json */
function textOf(json) {
  return typeof json === "string" ? json.trim() : "";
}
