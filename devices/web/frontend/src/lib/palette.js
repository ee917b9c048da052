/** What the palette offers for what is typed: pages, devices, and commands that devices say they understand. Pure. */

import { isObject } from "#client/stream.js";

/** @import {Json} from "#client/types.js" */

/** @typedef {{title: string, href: string}} PageFound */
/** @typedef {{device: string, href: string, reported?: {[name: string]: Json}}} DeviceFound */
/** @typedef {{kind: "page" | "device" | "command", label: string, detail: string, href: string}} Entry */

const MOST = 40;
const NAME = /^[A-Za-z0-9_\-.:]{1,64}$/;

/** What is asked of the server: the first word, for a device; the others choose among its commands. @param {string} query */
export function wordsOf(query) {
  return query.trim().toLowerCase().split(/\s+/).filter(Boolean);
}

/**
 * The best first. "pump reb" finds the command reboot of pumps.
 * @param {string} query
 * @param {PageFound[]} pages
 * @param {DeviceFound[]} devices  as the server found them by the first word
 * @returns {Entry[]}
 */
export function entriesFor(query, pages, devices) {
  const words = wordsOf(query);
  const named = pages.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
  const found = devices.filter(({ device }) => words.every((word) => device.toLowerCase().includes(word)));
  /** @type {Entry[]} */
  const entries = [
    ...named.map(({ title, href }) => entry("page", title, "", href)),
    ...[...found].sort((one, other) => rank(one.device, words) - rank(other.device, words)).map(asEntry),
    ...devices.flatMap((one) => commandEntries(one, words)),
  ];
  return entries.slice(0, MOST);
}

/** @param {Entry["kind"]} kind @param {string} label @param {string} detail @param {string} href @returns {Entry} */
function entry(kind, label, detail, href) {
  return { kind, label, detail, href };
}

/** @param {DeviceFound} found */
function asEntry({ device, href }) {
  return entry("device", device, "", href);
}

/** @param {string} device @param {string[]} words  0: its name begins so */
function rank(device, [word = ""]) {
  const name = device.toLowerCase().split("/")[1] ?? "";
  return name.startsWith(word) ? 0 : name.includes(word) ? 1 : 2;
}

/** @param {DeviceFound} found @param {string[]} words @returns {Entry[]} */
function commandEntries({ device, href, reported }, words) {
  if (words.length < 2) return [];
  const key = device.toLowerCase();
  const [inDevice, rest] = [words.filter((word) => key.includes(word)), words.filter((word) => !key.includes(word))];
  if (inDevice.length === 0 || rest.length === 0) return [];
  return commandsOf(reported?.["commands"])
    .filter((name) => rest.every((word) => name.toLowerCase().includes(word)))
    .map((name) => entry("command", name, device, `${href}?compose=${encodeURIComponent(name)}`));
}

/** A list of names or of {"name"}, or an object by name. @param {Json | undefined} told @returns {string[]} */
function commandsOf(told) {
  const names = isObject(told)
    ? Object.keys(told)
    : Array.isArray(told)
      ? told.map((one) => String(isObject(one) ? one["name"] : one))
      : [];
  return names.filter((name) => NAME.test(name)).slice(0, MOST);
}
