/** The chain from the devices to this page, as the server judges it: which part is at fault, in plain words. Pure. */

import { formatSpan } from "./format.js";
import { t } from "../words/words.js";

/** @import {Link} from "#client/types.js" */

/** @typedef {"database" | "layer" | "gateway" | "broker" | "workers"} Part */

/** What others depend on first: a part is at fault only if those before it are not. */
export const ORDER = /** @type {Part[]} */ (["database", "layer", "gateway", "broker", "workers"]);

/** @param {Part} part */
export function nameOf(part) {
  return t(`part.${part}`);
}

/**
 * What is at fault, or null: values from devices reach this page.
 * @param {Link} link
 * @returns {{part: Part | null, heading: string, text: string} | null}
 */
export function faultOf(link) {
  if (link.fresh) return null;
  const part = ORDER.find((name) => link[name] === "down") ?? null;
  if (part) return { part, heading: t(`fault.${part}`), text: t(`fault.${part}.text`) };
  const unseen = ORDER.find((name) => link[name] === "unknown");
  if (unseen)
    return {
      part: null,
      heading: t("fault.unseen", { part: nameOf(unseen) }),
      text: t("fault.unseen.text"),
    };
  return {
    part: null,
    heading: t("fault.late"),
    text: t("fault.late.text"),
  };
}

/**
 * A line for each part, what others depend on last: "MQTT broker: up".
 * @param {Link | null} link  null: not known
 */
export function described(link) {
  return ORDER.toReversed().map((part) => `${nameOf(part)}: ${word(link?.[part])}`);
}

const LAG_SEEN_MS = 4_000; // a marker goes out every two seconds, and a gateway tells once a second what came of it

/**
 * How far a gateway is behind. A lag below four seconds says when the last marker went out, and nothing of the messages.
 * @param {number | null} lag_ms  null: not known
 */
export function formatLag(lag_ms) {
  if (lag_ms === null) return t("state.unknown");
  return lag_ms < LAG_SEEN_MS ? t("gateway.lag.none") : formatSpan(lag_ms);
}

/** @param {string | undefined} state */
function word(state) {
  return state === "up" || state === "down" ? t(`state.${state}`) : t("state.unknown");
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
