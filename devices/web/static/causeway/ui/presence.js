/** How a device's presence looks: a glyph that is told apart by shape as well as by colour. */

import { now } from "../live.js";
import { formatSpan, formatTime, formatWhy } from "../lib/format.js";
import { html } from "./html.js";

/** @import {Presence, PresenceStatus} from "../client/types.js" */

/** @type {{[status in PresenceStatus]: any}} */
const SHAPES = {
  online: html`<circle cx="6" cy="6" r="4.5" fill="currentColor" />`,
  offline: html`<path d="m2.5 2.5 7 7m0-7-7 7" stroke="currentColor" stroke-width="2" stroke-linecap="round" />`,
  stale: html`<circle cx="6" cy="6" r="4.5" stroke="currentColor" stroke-width="1.6" />
    <path d="M6 3.5V6l1.8 1.2" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" />`,
  unknown: html`<circle cx="6" cy="6" r="4.5" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.2 2.5" />`,
};

/** @type {{[status in PresenceStatus]: string}} */
export const NAMES = { online: "Online", offline: "Offline", stale: "Stale", unknown: "Unknown" };

/** @param {{status: PresenceStatus}} props */
export function Glyph({ status }) {
  return html`<svg class="glyph ${status}" viewBox="0 0 12 12" fill="none" aria-hidden="true">${SHAPES[status]}</svg>`;
}

/** Since when, and why. @param {Presence} presence */
export function presenceTip(presence) {
  const since = presence.since ? ` since ${formatTime(presence.since)}` : "";
  return `${NAMES[presence.status]}${since}:\n${formatWhy(presence)}`;
}

/** "Online 4 min", with since and why on hover. @param {{presence: Presence, focusable?: boolean}} props */
export function PresenceText({ presence, focusable = false }) {
  const span = presence.since ? formatSpan(now.value - presence.since) : "";
  return html`<span class="presence" data-tip=${presenceTip(presence)} tabindex=${focusable ? 0 : undefined}>
    ${NAMES[presence.status]} <span class="faint">${span}</span>
  </span>`;
}
