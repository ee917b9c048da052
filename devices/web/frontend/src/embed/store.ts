/** What a panel in another site's page knows: one device, by a token that only this page has. No cookie, no socket: long polling. */

import { signal } from "@preact/signals";

import { applyFrame, newStream } from "#client/stream.js";
import type { Change, DeviceState, Reading } from "#client/types.js";
import { refusedBy, unanswered } from "../data/failures";
import { page } from "../document/page";

const WAIT_S = 20;
const LIMIT_MS = 40_000;
const AGAIN_MS = 3_000;
const MOST_POINTS = 1_000;
const HOUR_MS = 3_600_000;

/** What the address says behind its `#`, which no server is told. */
export interface Wish {
  token: string;
  /** site/device */
  device: string;
  /** "": a panel of all of them */
  metric: string;
  hours: number;
}

export interface Point {
  ts: number;
  value: number | null;
}

export function wishOf(hash: string): Wish {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const hours = Number(given.get("hours"));
  return {
    token: given.get("token") ?? "",
    device: given.get("device") ?? "",
    metric: given.get("metric") ?? "",
    hours: hours > 0 && hours <= 24 ? hours : 1,
  };
}

export class Embedded {
  /** null: not known yet, or gone. */
  readonly device = signal<DeviceState | null>(null);
  readonly points = signal<readonly Point[]>([]);
  /** Why nothing, or nothing new, is shown. */
  readonly problem = signal("");
  /** Whether asking again is of no use. */
  readonly isRefused = signal(false);
  #stream = newStream();
  #after = "";

  constructor(readonly wish: Wish) {}

  /** Until the page goes, or we are refused. */
  async follow(): Promise<void> {
    while (!this.isRefused.peek()) {
      try {
        if (this.wish.metric && this.points.peek().length === 0) await this.#history();
        await this.#poll();
        this.problem.value = "";
      } catch (error) {
        this.problem.value = error instanceof Error ? error.message : String(error);
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
  }

  async #poll() {
    const query = { device: this.wish.device, wait: String(WAIT_S), ...(this.#after && { after: this.#after }) };
    const told = await this.#get("stream", query);
    for (const frame of told.items) {
      if (!["snapshot", "delta", "event", "gone"].includes(frame.type)) continue;
      const { changes, gaps } = applyFrame(this.#stream, frame);
      if (gaps.length) return this.#begin();
      changes.forEach((change) => this.#take(change));
    }
    this.#after = told.next;
    this.device.value = this.#stream.devices.get(this.wish.device) ?? null;
  }

  #begin() {
    [this.#stream, this.#after] = [newStream(), ""];
  }

  #take(change: Change) {
    if (change.kind === "delta") this.#add(change.readings);
  }

  async #history() {
    const since = Date.now() - this.wish.hours * HOUR_MS;
    const query = { metric: this.wish.metric, since: String(Math.round(since)), order: "newest", limit: String(MOST_POINTS) };
    const { items } = await this.#get(`devices/${this.wish.device}/readings`, query);
    this.#add(items.reverse());
  }

  #add(readings: readonly Reading[]) {
    const { metric, hours } = this.wish;
    const added = readings.flatMap(({ ts, metrics }) => {
      const value = metrics[metric];
      return value === undefined ? [] : [{ ts, value: typeof value === "number" ? value : null }];
    });
    if (!added.length) return;
    const all = [...this.points.value, ...added].sort((one, other) => one.ts - other.ts);
    const since = (all.at(-1)?.ts ?? 0) - hours * HOUR_MS;
    this.points.value = all.filter(({ ts }) => ts >= since).slice(-MOST_POINTS);
  }

  async #get(path: string, query: { [name: string]: string }): Promise<any> {
    const url = new URL(page.api + path, location.href);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers = { Accept: "application/json", Authorization: `Bearer ${this.wish.token}` };
    const asked = { headers, credentials: "omit", signal: AbortSignal.timeout(LIMIT_MS) } as const;
    const response = await fetch(url, asked).catch((error) => {
      throw new Error(unanswered(error));
    });
    if (response.ok) return response.json();
    if ([401, 403, 404].includes(response.status)) this.isRefused.value = true;
    const problem = await response.json().catch(() => ({}));
    throw new Error(refusedBy(response.status, problem.detail ?? ""));
  }
}
