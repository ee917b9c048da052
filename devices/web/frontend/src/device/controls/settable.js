/** Setting a device's values: which control a property has, and what became of what was set. Pure. */

import { isObject } from "#client/stream.js";

/** @import {Command, Json, Metric} from "#client/types.js" */
/** @import {Property} from "../../lib/described.js" */

const MOST_STEPS = 1000; // of a slider: beyond, a number is typed

/**
 * The control of a property that can be set.
 * @param {Property} property
 * @returns {"switch" | "select" | "slider" | "number" | "text"}
 */
export function controlOf({ kind, values, low, high, step }) {
  if (kind === "boolean") return "switch";
  if (kind === "enum" && values.length > 0) return "select";
  if (kind !== "number") return "text";
  return low !== null && high !== null && low < high && (high - low) / (step || 1) <= MOST_STEPS ? "slider" : "number";
}

/**
 * What stands of the last `set` of a metric.
 * @typedef {object} Standing
 * @property {"pending" | "failed" | "settled"} state  settled: nothing is to be said
 * @property {Json | undefined} wanted
 * @property {Command | null} command
 */

/**
 * @param {readonly Command[]} commands  the device's, the newest first
 * @param {string} name  the metric's
 * @param {Metric | undefined} metric  its latest value
 * @returns {Standing}
 */
export function standingOf(commands, name, metric) {
  const command = commands.find((one) => one.name === "set" && isObject(one.args) && Object.hasOwn(one.args, name));
  if (!command || !isObject(command.args)) return { state: "settled", wanted: undefined, command: null };
  const wanted = command.args[name];
  const isReported = metric !== undefined && metric.value === wanted && metric.ts >= Date.parse(command.created_at);
  const isOpen = ["accepted", "sent", "delivered"].includes(command.status);
  if (isReported || command.status === "done" || command.status === "cancelled") return { state: "settled", wanted, command };
  return { state: isOpen ? "pending" : "failed", wanted, command };
}

/**
 * What is meant by the text of a field; undefined: nothing that the property can have.
 * @param {Property} property
 * @param {string} text
 * @returns {Json | undefined}
 */
export function readText({ kind }, text) {
  const trimmed = text.trim();
  if (kind === "text" || kind === "enum") return text;
  if (trimmed === "") return undefined;
  if (kind === "number") {
    const value = Number(trimmed.replace(/^(-?\d+),(\d+)$/, "$1.$2"));
    return Number.isFinite(value) ? value || 0 : undefined;
  }
  try {
    return JSON.parse(trimmed);
  } catch {
    return undefined;
  }
}
