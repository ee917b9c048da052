/** Long stretches of time for the charts: in as many points as can be told apart, asked for anew as time goes on. */

import { signal } from "@preact/signals";

import { serverNow } from "../../data/clock";
import { messageOf } from "../../data/failures";
import { getSeries } from "../../data/rest";
import { drawing, nothing } from "./drawings.js";
import type { Drawing } from "./drawings.js";

const LEAST_MS = 10_000; // between two questions for a stretch that moves
const MOST_POINTS = 1_000;

export interface Question {
  metrics: readonly string[];
  /** Unix ms */
  from: number;
  to: number;
  /** points that there is room for */
  points: number;
  /** whether it ends now, and so moves */
  moves: boolean;
}

/** What was asked for last, of one device. */
export class Overviews {
  /** Raised when there is something new to draw. */
  readonly version = signal(0);
  readonly loading = signal(false);
  /** What is here was asked for another stretch, or for other metrics: where nothing is drawn, the device need not have been silent. */
  readonly isOther = signal(false);
  /** Why it could not be had. */
  readonly error = signal("");
  /** Unix ms: what is older is not stored any more. */
  readonly completeSince = signal(-Infinity);
  /** Unix ms: what came since isn't in it. */
  until = -Infinity;

  #drawings = new Map<string, Drawing>();
  #asked: Question | null = null;
  #asked_ms = 0;
  #abort: AbortController | null = null;

  constructor(private readonly device: string) {}

  of(metric: string): Drawing {
    return this.#drawings.get(metric) ?? nothing();
  }

  /** Ask for it, unless what is here is as good. */
  want(question: Question): void {
    if (!this.#isNews(question)) return;
    if (!this.#goesOn(question)) this.isOther.value = true;
    this.#asked = question;
    this.#asked_ms = performance.now();
    void this.#load(question);
  }

  /** Go on, after what was wanted could not be had. */
  retry(): void {
    if (this.#asked) void this.#load(this.#asked);
  }

  stop(): void {
    this.#abort?.abort();
    this.#asked = null;
  }

  #isNews({ metrics, from, to, points, moves }: Question): boolean {
    const asked = this.#asked;
    if (!asked || asked.moves !== moves || asked.points !== points || String(asked.metrics) !== String(metrics)) return true;
    const width = to - from;
    if (!moves) return asked.from !== from || asked.to !== to;
    if (Math.abs(width - (asked.to - asked.from)) > width / points) return true;
    return !this.loading.peek() && performance.now() - this.#asked_ms >= Math.max(LEAST_MS, width / points);
  }

  /** Whether it is the stretch that was asked for last, at most moved on. */
  #goesOn({ metrics, from, to, points, moves }: Question): boolean {
    const asked = this.#asked;
    if (!asked || asked.moves !== moves || !metrics.every((name) => asked.metrics.includes(name))) return false;
    const step = (to - from) / points;
    return moves ? Math.abs(to - from - (asked.to - asked.from)) <= step : asked.from === from && asked.to === to;
  }

  async #load({ metrics, from, to, points, moves }: Question): Promise<void> {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.loading.value = true;
    this.error.value = "";
    const until = moves ? serverNow() : to;
    try {
      const query = { since: Math.round(from), until: Math.round(until), points: Math.min(MOST_POINTS, Math.max(2, points)) };
      const { series } = await getSeries([this.device], metrics, { ...query, fields: "min,max,mean,last,shares" }, abort.signal);
      if (abort.signal.aborted) return;
      this.#drawings = new Map(series.map((one) => [one.metric, drawing(one)]));
      this.until = Math.round(until);
      this.completeSince.value = Math.max(-Infinity, ...series.map((one) => one.complete_since));
      this.isOther.value = false;
      this.version.value += 1;
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error.value = messageOf(error);
    }
    this.loading.value = false;
  }
}
