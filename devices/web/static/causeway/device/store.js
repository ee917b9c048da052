/** One device as its page shows it. */

import { batch, computed, signal } from "@preact/signals";

import { client, perFrame } from "../live.js";
import { page, recall, remember } from "../page.js";
import { getCommands, getEvents, getNotes, getQuarantine, getReadings } from "../rest.js";
import { Decimals } from "../lib/format.js";
import { isUpkeep } from "../lib/device_list.js";
import { naturally } from "../lib/twin.js";
import { History } from "./history.js";

/**
 * @import {Change, Command, DeviceState, EventRow, Note, QuarantinedMessage} from "../client/types.js"
 * @import {Signal} from "@preact/signals"
 */

const MOST_EVENTS = 200;
const MOST_COMMANDS = 50;
const MOST_REFUSED = 5;
const REFUSED_MS = 5_000;
export const MOST_CHARTS = 6;

export const key = page.device ?? "";
/** @type {Signal<DeviceState | null>} */
export const state = signal(null);
/** The device is deleted, or no longer visible to the user. */
export const gone = signal(false);
/** Newest first. @type {Signal<EventRow[]>} */
export const events = signal([]);
/** Whether those of before the page was opened are among them, and why not. */
export const eventsPast = signal({ known: false, error: "" });
/** Newest first. @type {Signal<Command[]>} */
export const commands = signal([]);
/** The same of commands. */
export const commandsPast = signal({ known: false, error: "" });
/** Its latest messages in quarantine, newest first, and whether there are more. @type {Signal<{items: QuarantinedMessage[], more: boolean}>} */
export const quarantined = signal({ items: [], more: false });
/** What of its messages was not taken as it came. @type {Signal<Note[]>} */
export const notes = signal([]);

export const past = new History((query) => getReadings(key, query));
export const decimals = new Decimals();

const remembered = `charts.${key}`;
/** @type {Signal<string[] | null>} */
const chosen = signal(recall(remembered, null));

export const metricNames = computed(() => Object.keys(state.value?.metrics ?? {}).sort(naturally));
/** Metrics that can be drawn: what is no number now may have been one before. */
const drawables = computed(() => metricNames.value.filter((name) => hasBeen("number", name) || hasBeen("boolean", name)));
/** The metrics drawn, each in its own strip. */
export const charted = computed(() => {
  const wished = chosen.value ?? numbers().slice(0, 3);
  return wished.filter((name) => metricNames.value.includes(name)).slice(0, MOST_CHARTS);
});

/**
 * Whether a metric is of that kind, or has been as far as is known.
 * @param {"number" | "boolean"} kind
 * @param {string} name
 */
export function hasBeen(kind, name) {
  past.version.value;
  return typeof state.value?.metrics[name]?.value === kind || past.of(name).has[kind];
}

/** Upkeep last. */
function numbers() {
  const all = drawables.value.filter((name) => hasBeen("number", name));
  return [...all.filter((name) => !isUpkeep(name)), ...all.filter(isUpkeep)];
}

/** @param {string} name */
export function isDrawable(name) {
  return drawables.value.includes(name);
}

/** Draw a metric, or don't any more. @param {string} name */
export function toggleChart(name) {
  const now = charted.value;
  chosen.value = now.includes(name)
    ? now.filter((other) => other !== name)
    : [...now, name].slice(-MOST_CHARTS);
  remember(remembered, chosen.value);
}

/** @type {DeviceState | null} */
let latest = null;
/** @type {EventRow[]} */
let fresh = [];

const later = perFrame(() =>
  batch(() => {
    state.value = latest;
    if (fresh.length > 0) happened(fresh);
    fresh = [];
  }),
);

/** Watch the device. */
export function start() {
  const subscription = client.watch({ devices: [key] });
  subscription.on("change", (change) => {
    take(change);
    later();
  });
  subscription.on("refused", () => (gone.value = true));
  client.on("command", (command) => command.device === key && note([command]));
  client.on("status", (status) => status === "live" && caughtUp());
  setInterval(() => document.hidden || client.status !== "live" || loadRefused(), REFUSED_MS);
}

function caughtUp() {
  loadCommands();
  loadRefused();
  if (eventsPast.value.error) loadEvents();
}

/** @param {Change} change */
function take(change) {
  if (change.kind === "gone") {
    gone.value = true;
    return;
  }
  gone.value = false;
  latest = change.state;
  if (change.kind === "snapshot") {
    past.reached(change.state.rev);
    loadEvents(); // not before: what happens between an earlier look and the snapshot would be in neither
  } else if (change.kind === "delta") past.add(change.readings, change.state.rev);
  else {
    fresh.push(change.event);
    past.add([], change.state.rev);
  }
}

/** Commands sent before the page was there, and steps taken while it was not connected. */
async function loadCommands() {
  try {
    note((await getCommands(key, MOST_COMMANDS)).items);
    commandsPast.value = { known: true, error: "" };
  } catch (error) {
    commandsPast.value = { ...commandsPast.value, error: messageOf(error) };
  }
}

/** Events of before a snapshot; those after it, and while the page was not connected, come by the stream. */
async function loadEvents() {
  try {
    happened((await getEvents(key, MOST_EVENTS)).items);
    eventsPast.value = { known: true, error: "" };
  } catch (error) {
    eventsPast.value = { ...eventsPast.value, error: messageOf(error) };
  }
}

/** @param {EventRow[]} news */
function happened(news) {
  const known = new Map([...news, ...events.value].map((event) => [event.rev, event]));
  events.value = [...known.values()].sort((one, other) => other.rev - one.rev).slice(0, MOST_EVENTS);
}

/** Quarantine and notes make no rev: they are asked for. A failure keeps what was known. */
async function loadRefused() {
  try {
    const [found, noted] = await Promise.all([
      getQuarantine({ device: key, limit: MOST_REFUSED }),
      getNotes(key),
    ]);
    quarantined.value = { items: found.items, more: found.next !== null };
    notes.value = noted.items;
  } catch (error) {
    console.warn("causeway: quarantine and notes are not known", error);
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Take over what is newer: a command only ever gains steps. @param {Command[]} news */
export function note(news) {
  const known = new Map(commands.value.map((command) => [command.id, command]));
  for (const command of news) {
    const old = known.get(command.id);
    if (!old || old.timeline.length <= command.timeline.length) known.set(command.id, command);
  }
  const sorted = [...known.values()].sort((one, other) => other.created_at.localeCompare(one.created_at));
  commands.value = sorted.slice(0, MOST_COMMANDS);
}
