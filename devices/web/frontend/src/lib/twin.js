/** Reported against desired, path by path. Pure. */

import { isObject } from "#client/stream.js";
import { collator } from "../words/locale.js";

/** @import {Json, JsonObject} from "#client/types.js" */

/**
 * @typedef {object} TwinRow
 * @property {string[]} path
 * @property {Json | undefined} reported  undefined: not reported
 * @property {Json | undefined} desired  undefined: nothing desired
 * @property {"reported" | "met" | "pending"} status  pending: desired and not (yet) reported so
 */

/**
 * Every leaf of the two documents, in the order of their names. Arrays and empty objects are leaves.
 * @param {JsonObject} reported
 * @param {JsonObject} desired
 * @returns {TwinRow[]}
 */
export function compare(reported, desired) {
  return rows([], reported, desired);
}

/**
 * @param {string[]} path
 * @param {Json | undefined} reported
 * @param {Json | undefined} desired
 * @returns {TwinRow[]}
 */
function rows(path, reported, desired) {
  const inner = [reported, desired].filter((side) => isObject(side) && Object.keys(side).length > 0);
  const leaves = [reported, desired].filter((side) => side !== undefined && !isObject(side));
  if (inner.length === 0 || leaves.length > 0) {
    return path.length === 0 ? [] : [{ path, reported, desired, status: status(reported, desired) }];
  }
  const names = new Set(inner.flatMap((side) => Object.keys(/** @type {JsonObject} */ (side))));
  return [...names]
    .sort(naturally)
    .flatMap((name) => rows([...path, name], member(reported, name), member(desired, name)));
}

/** @param {Json | undefined} reported @param {Json | undefined} desired @returns {TwinRow["status"]} */
function status(reported, desired) {
  if (desired === undefined) return "reported";
  return lacks(reported, desired) ? "pending" : "met";
}

/**
 * Whether `reported` still lacks something of `desired` (what a merge patch with it would change).
 * @param {Json | undefined} reported
 * @param {Json} desired
 * @returns {boolean}
 */
export function lacks(reported, desired) {
  if (!isObject(desired)) return !same(reported, desired);
  if (!isObject(reported)) return true;
  return Object.entries(desired).some(([name, value]) => lacks(member(reported, name), value));
}

/**
 * What became of a document, path by path.
 * @param {JsonObject} before
 * @param {JsonObject} after
 * @returns {{path: string[], before: Json | undefined, after: Json | undefined}[]}
 */
export function changesOf(before, after) {
  const rows = compare(before, after).filter(({ reported, desired }) => !same(reported, desired));
  return rows.map(({ path, reported, desired }) => ({ path, before: reported, after: desired }));
}

/** @param {Json | undefined} one @param {Json | undefined} other @returns {boolean} */
export function same(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => same(item, other[index]));
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => same(one[name], member(other, name)))
    );
  }
  return one === other;
}

/**
 * The merge patch that sets one path: (["a", "b"], 1) → {"a": {"b": 1}}.
 * @param {string[]} path
 * @param {Json} value
 */
export function patchFor(path, value) {
  return /** @type {JsonObject} */ (path.reduceRight((inner, name) => ({ [name]: inner }), value));
}

/**
 * Whether a merge patch says something of a path, of what is around it, or of what is in it.
 * @param {Json} patch
 * @param {string[]} path
 * @returns {boolean}
 */
export function touches(patch, [name, ...rest]) {
  if (name === undefined || !isObject(patch)) return true;
  const inner = member(patch, name);
  return inner !== undefined && touches(inner, rest);
}

/**
 * Two merge patches in one; where both say something of a path, the second one's holds.
 * @param {JsonObject} one
 * @param {JsonObject} other
 * @returns {JsonObject}
 */
export function joined(one, other) {
  const both = Object.entries(other).map(([name, value]) => {
    const before = member(one, name);
    return [name, isObject(before) && isObject(value) ? joined(before, value) : value];
  });
  return { ...one, ...Object.fromEntries(both) };
}

/** @param {Json | undefined} value @param {string} name */
function member(value, name) {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** pump-2 before pump-10. @param {string} one @param {string} other */
export function naturally(one, other) {
  return collator().compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);
}
