/** The document's one client, and what it knows as signals. */

import { computed, signal } from "@preact/signals";

import { Client } from "#client/client.js";
import type { Status } from "#client/client.js";
import type { Link } from "#client/types.js";
import { serverNow } from "./clock";
import { FirstEarly } from "./early";
import { page } from "../document/page";
import { askVersion, refusal, stay } from "./rest";

const OBSTACLE_MS = 2_500;
const PATIENCE_MS = 900; // a shorter interruption only dims the values
const STAY_MS = 3_600_000;

export const client = new Client(page.ws, { now: serverNow, WebSocket: FirstEarly });

export const status = signal<Status>(client.status);
export const link = signal<Link | null>(client.link);
/** Unix ms at the server; ticks every second. */
export const now = signal(serverNow());
/** When what is shown was last known to be so: set when the connection is lost. */
export const asOf = signal(0);
/** When that was noticed. */
export const lostAt = signal(0);

/** Whether what is shown is what the devices say now: this page is connected, and the server measures that values arrive. */
export const fresh = computed(() => status.value === "live" && link.value?.fresh === true);
/** When values were last known to arrive no longer. */
const staleSince = signal(serverNow());

/**
 * By when ages count. null: nothing arrives, so what happened since is not known, and no age goes on as if it were: what
 * shows one then says the moment (`ui/age.ts`).
 */
export const agesAt = computed(() => {
  if (fresh.value) return now.value;
  return now.value - staleSince.value < PATIENCE_MS ? staleSince.value : null;
});

/** Why no WebSocket gets through although the server answers; "" if none is known. */
export const obstacle = signal("");

client.on("status", (value) => {
  if (status.value === "live") {
    asOf.value = client.heard ?? serverNow();
    lostAt.value = serverNow();
  }
  if (value === "live" && lostAt.value > 0) askVersion(); // a server that was away may be another one now
  status.value = value;
  if (!isLost()) obstacle.value = "";
});
client.on("link", (value) => {
  if (status.value === "live" && link.value?.fresh && !value?.fresh) asOf.value = client.heard ?? serverNow();
  link.value = value;
});
fresh.subscribe((value) => {
  if (!value) staleSince.value = serverNow();
  document.documentElement.dataset["fresh"] = value ? "yes" : "no";
});
setInterval(() => (now.value = serverNow()), 1000);
setInterval(seekObstacle, OBSTACLE_MS);
setInterval(stay, STAY_MS);
addEventListener("online", () => client.retryNow());
document.addEventListener("visibilitychange", () => !document.hidden && client.retryNow());

let refusals = 0;
let seeking = false;

/**
 * A WebSocket that is refused says nothing about why; a plain request to the same place does. Twice, with an attempt to
 * connect in between: a server that has just come back answers, too.
 */
async function seekObstacle() {
  if (seeking) return;
  seeking = true;
  const why = isLost() ? await refusal(page.ws) : "";
  seeking = false;
  refusals = why && isLost() ? refusals + 1 : 0; // it may have come back meanwhile
  obstacle.value = refusals > 1 ? why : "";
}

function isLost() {
  return status.value === "connecting" || status.value === "reconnecting";
}

/** Run `work` once before the next paint, however often it is asked for until then. In a hidden tab it waits. */
export function perFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
