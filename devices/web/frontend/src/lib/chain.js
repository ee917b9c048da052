/** The chain from the devices to this page, as the server judges it: which part is at fault, in plain words. Pure. */

/** @import {Link} from "#client/types.js" */

/** @typedef {"database" | "layer" | "gateway" | "broker" | "workers"} Part */

/** What a part is called, and what it means that it is down. @type {{[part in Part]: {name: string, fault: string, meanwhile: string}}} */
const PARTS = {
  database: {
    name: "Database",
    fault: "The database can't be read or written",
    meanwhile: "What the devices send waits at the broker until it can. Nothing can be sent to them.",
  },
  layer: {
    name: "Channel layer (Redis)",
    fault: "The channel layer (Redis) carries no messages",
    meanwhile: "What the devices send waits at the broker. Commands wait too.",
  },
  gateway: {
    name: "MQTT gateway",
    fault: "No MQTT gateway is running",
    meanwhile: "What the devices send waits at the broker until one does. Commands are kept and sent then.",
  },
  broker: {
    name: "MQTT broker",
    fault: "The MQTT broker can't be reached",
    meanwhile: "Nothing comes from the devices. Commands are kept and sent when the broker is back.",
  },
  workers: {
    name: "Device workers",
    fault: "The device workers don't commit what comes",
    meanwhile: "What the devices send waits at the broker and will be shown then. Commands wait too.",
  },
};

/** What others depend on first: a part is at fault only if those before it are not. */
export const ORDER = /** @type {Part[]} */ (["database", "layer", "gateway", "broker", "workers"]);

/** @param {Part} part */
export function nameOf(part) {
  return PARTS[part].name;
}

/**
 * What is at fault, or null: values from devices reach this page.
 * @param {Link} link
 * @returns {{part: Part | null, heading: string, text: string} | null}
 */
export function faultOf(link) {
  if (link.fresh) return null;
  const part = ORDER.find((name) => link[name] === "down") ?? null;
  if (part) return { part, heading: PARTS[part].fault, text: PARTS[part].meanwhile };
  const unseen = ORDER.find((name) => link[name] === "unknown");
  if (unseen)
    return {
      part: null,
      heading: `It is not known whether values arrive (${PARTS[unseen].name.toLowerCase()}: unknown)`,
      text: "What is shown may be old.",
    };
  return {
    part: null,
    heading: "Values come late",
    text: "The broker has had messages for us for more than ten seconds: what is shown may be as old.",
  };
}

/**
 * A line for each part, what others depend on last: "MQTT broker: up".
 * @param {Link | null} link  null: not known
 */
export function described(link) {
  return ORDER.toReversed().map((part) => `${PARTS[part].name}: ${word(link?.[part])}`);
}

/** @param {string | undefined} state */
function word(state) {
  return state === undefined || state === "unknown" ? "not known" : state;
}

/**
 * The state of a stretch of the way: that of its worst part.
 * @param {Link | null} link  null: not known
 * @param {Part[]} parts
 * @returns {"up" | "down" | "unsure"}
 */
export function stretch(link, parts) {
  const states = parts.map((part) => link?.[part] ?? "unknown");
  if (states.includes("down")) return "down";
  return states.includes("unknown") ? "unsure" : "up";
}
