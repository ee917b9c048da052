/** What the operations page knows: the server's overview, asked for again and again, and the rates that follow from it. */

import { computed, signal } from "@preact/signals";

import { getOverview, getQuarantine, getRejected, replayQuarantined } from "../rest.js";
import { rateOf } from "./rates.js";

/** @import {Overview, QuarantinedMessage, RejectedTopic} from "../client/types.js" */
/** @import {Sample} from "./rates.js" */

const EVERY_MS = 2_000;
const QUARANTINE_EVERY = 5; // every so many overviews
const KEPT = 90; // samples: three minutes
const SHOWN = 20; // quarantined messages

/** @type {import("@preact/signals").Signal<Overview | null>} */
export const overview = signal(null);
/** Why the latest overview is missing; "" when it is not. */
export const problem = signal("");
/** @type {import("@preact/signals").Signal<Sample[]>} */
export const samples = signal([]);
/** null: not known yet. @type {import("@preact/signals").Signal<QuarantinedMessage[] | null>} */
export const quarantined = signal(null);
/** null: not known yet. @type {import("@preact/signals").Signal<RejectedTopic[] | null>} */
export const rejected = signal(null);
/** A part of the topics that are looked for. */
export const topic = signal("");

/** Whose quarantine is shown: `?device=site/name` in the address. @type {{device?: string}} */
export const filter = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => name === "device"));

/** What became of replays: by entry, in words. @type {import("@preact/signals").Signal<{[id: number]: string}>} */
export const replays = signal({});

/** Messages a second by outcome, over the latest seconds; null as long as it is not known. */
export const rates = computed(() => rateOf(samples.value));

async function look() {
  try {
    const found = await getOverview();
    overview.value = found;
    samples.value = [...samples.value, { at: found.now, ledger: found.ledger }].slice(-KEPT);
    problem.value = "";
  } catch (error) {
    problem.value = messageOf(error);
  }
}

async function lookAtQuarantine() {
  try {
    quarantined.value = (await getQuarantine({ limit: SHOWN, ...filter })).items;
  } catch (error) {
    problem.value = messageOf(error);
  }
}

/** Those on the topics that are looked for. */
export async function lookAtRejected() {
  const wanted = topic.value.trim();
  try {
    const found = await getRejected({ limit: SHOWN, ...(wanted && { topic: wanted }) });
    if (wanted === topic.value.trim()) rejected.value = found.items;
  } catch (error) {
    problem.value = messageOf(error);
  }
}

/** Have a message carried out again, after a fix. @param {number} id */
export async function replay(id) {
  note(id, "…");
  try {
    const { outcome, reason } = await replayQuarantined(id);
    note(id, reason ? `${outcome}: ${reason}` : outcome);
  } catch (error) {
    note(id, messageOf(error));
  }
  await Promise.all([look(), lookAtQuarantine()]);
}

/** @param {number} id @param {string} text */
function note(id, text) {
  replays.value = { ...replays.value, [id]: text };
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** Ask at once and then every two seconds, while the page is seen. */
export async function start() {
  for (let round = 0; ; round++) {
    if (!document.hidden) {
      await look();
      if (round % QUARANTINE_EVERY === 0) await Promise.all([lookAtQuarantine(), lookAtRejected()]);
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}
