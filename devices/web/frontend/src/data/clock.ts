/** The server's time in this document. */

import { ServerClock } from "../lib/server_clock.js";
import { page } from "../document/page";

const STEP_MS = 2_000; // this computer's clock moved by that much against its own uptime: it was set
const EVERY_MS = 1_000;
const LIMIT_MS = 5_000;

const clock = new ServerClock();

/** Unix ms. Before the first answer it is this computer's time. */
export function serverNow(): number {
  return clock.now();
}

/** Take an answer's `Date` into account. */
export function heardFrom(response: Response, asked_ms: number): void {
  clock.heard(Date.parse(response.headers.get("Date") ?? ""), asked_ms, Date.now());
}

async function ask() {
  const asked_ms = Date.now();
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    heardFrom(await fetch(`${page.base}/healthz`, { cache: "no-store", signal }), asked_ms);
  } catch {
    // the next answer of the API tells it
  }
}

let started_ms = Date.now() - performance.now();

function look() {
  const now_ms = Date.now() - performance.now();
  if (Math.abs(now_ms - started_ms) < STEP_MS) return;
  started_ms = now_ms;
  ask();
}

ask();
setInterval(look, EVERY_MS);
