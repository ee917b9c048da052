/** What the palette offers for what is typed: pages, devices, and commands that devices say they understand. Pure. */

import { isObject } from "#client/stream.js";

/** @import {Json} from "#client/types.js" */

/** @typedef {{title: string, href: string}} PageFound */
/**
 * @typedef {{[name: string]: Json}} Section
 * @typedef {{device: string, name?: string, href: string, reported?: Section, description?: Section}} DeviceFound  name: as people call it
 */
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
  const found = devices.filter((one) => words.every((word) => textOf(one).includes(word)));
  /** @type {Entry[]} */
  const entries = [
    ...named.map(({ title, href }) => entry("page", title, "", href)),
    ...[...found].sort((one, other) => rank(one, words) - rank(other, words)).map(asEntry),
    ...devices.flatMap((one) => commandEntries(one, words)),
  ];
  return entries.slice(0, MOST);
}

/** @param {Entry["kind"]} kind @param {string} label @param {string} detail @param {string} href @returns {Entry} */
function entry(kind, label, detail, href) {
  return { kind, label, detail, href };
}

/** @param {DeviceFound} found */
function asEntry({ device, name, href }) {
  return name ? entry("device", name, device, href) : entry("device", device, "", href);
}

/** What words are looked for in. @param {DeviceFound} found */
function textOf({ device, name = "" }) {
  return `${device} ${name}`.toLowerCase();
}

/** 0: its name begins so. @param {DeviceFound} found @param {string[]} words */
function rank({ device, name = "" }, [word = ""]) {
  const names = [device.split("/")[1] ?? "", name].map((one) => one.toLowerCase());
  return names.some((one) => one.startsWith(word)) ? 0 : names.some((one) => one.includes(word)) ? 1 : 2;
}

/** @param {DeviceFound} found @param {string[]} words @returns {Entry[]} */
function commandEntries(found, words) {
  const { device, name, href, reported, description } = found;
  if (words.length < 2) return [];
  const text = textOf(found);
  const [inDevice, rest] = [words.filter((word) => text.includes(word)), words.filter((word) => !text.includes(word))];
  if (inDevice.length === 0 || rest.length === 0) return [];
  const understood = new Set([...commandsOf(reported?.["commands"]), ...commandsOf(description?.["actions"])]);
  return [...understood]
    .filter((name) => rest.every((word) => name.toLowerCase().includes(word)))
    .map((command) => entry("command", command, name || device, `${href}?compose=${encodeURIComponent(command)}`));
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
