/** The page's one client, and what it knows as signals. */

import { computed, signal } from "@preact/signals";

import { Client } from "./client/client.js";
import { serverNow } from "./clock.js";
import { page } from "./page.js";

export const client = new Client(page.ws, { now: serverNow });

/** @type {import("@preact/signals").Signal<import("./client/client.js").Status>} */
export const status = signal(client.status);
/** @type {import("@preact/signals").Signal<import("./client/types.js").Link | null>} */
export const link = signal(client.link);
/** Unix ms at the server; ticks every second. */
export const now = signal(serverNow());
/** When what is shown was last known to be so: set when the connection is lost. */
export const asOf = signal(0);
/** When that was noticed. */
export const lostAt = signal(0);

/** Whether what is shown is what the devices say now, as far as anybody on the way can know. */
export const fresh = computed(
  () => status.value === "live" && link.value?.broker !== "down" && link.value?.workers !== "down",
);

client.on("status", (value) => {
  if (status.value === "live") {
    asOf.value = client.heard ?? serverNow();
    lostAt.value = serverNow();
  }
  status.value = value;
});
client.on("link", (value) => (link.value = value));
fresh.subscribe((value) => (document.documentElement.dataset["fresh"] = value ? "yes" : "no"));
setInterval(() => (now.value = serverNow()), 1000);
addEventListener("online", () => client.retryNow());
document.addEventListener("visibilitychange", () => !document.hidden && client.retryNow());

/**
 * Run `work` once before the next paint, however often it is asked for until then. In a hidden tab it waits.
 * @param {() => void} work
 */
export function perFrame(work) {
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
