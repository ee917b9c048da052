/** How a device's presence looks: a glyph that is told apart by shape as well as by colour. */

import type { JSX } from "preact";

import type { Presence, PresenceStatus } from "#client/types.js";
import { formatTime, formatWhy } from "../lib/format.js";
import { t } from "../words/words.js";
import { ageOf } from "./age";

const SHAPES: { [status in PresenceStatus]: () => JSX.Element } = {
  online: () => <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  offline: () => <path d="m2.5 2.5 7 7m0-7-7 7" stroke="currentColor" stroke-width="2" stroke-linecap="round" />,
  stale: () => (
    <>
      <circle cx="6" cy="6" r="4.5" stroke="currentColor" stroke-width="1.6" />
      <path d="M6 3.5V6l1.8 1.2" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" />
    </>
  ),
  unknown: () => <circle cx="6" cy="6" r="4.5" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.2 2.5" />,
};

export function nameOfStatus(status: PresenceStatus): string {
  return t(`presence.${status}`);
}

export function Glyph({ status }: { status: PresenceStatus }) {
  return (
    <svg class={`glyph ${status}`} viewBox="0 0 12 12" fill="none" aria-hidden="true">
      {SHAPES[status]()}
    </svg>
  );
}

/** Since when, and why. */
export function presenceTip(presence: Presence): string {
  const [status, why] = [nameOfStatus(presence.status), formatWhy(presence)];
  if (!presence.since) return t("presence.ever", { status, why });
  return t("presence.since", { status, time: formatTime(presence.since), why });
}

/** "Online 4 min" (12:03:04, while nothing arrives), with since and why on hover. */
export function PresenceText({ presence, focusable = false }: { presence: Presence; focusable?: boolean }) {
  const span = presence.since ? ageOf(presence.since) : "";
  return (
    <span class="presence" data-tip={presenceTip(presence)} tabIndex={focusable ? 0 : undefined}>
      {nameOfStatus(presence.status)} <span class="faint">{span}</span>
    </span>
  );
}
