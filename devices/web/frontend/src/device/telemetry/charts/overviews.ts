/** Long stretches of time for the charts: in as many points as can be told apart, asked for anew as time goes on. */

import { signal } from "@preact/signals";

import { serverNow } from "../../../data/clock";
import { messageOf } from "../../../data/failures";
import { getSeries } from "../../../data/rest";
import { drawing, nothing } from "./drawings.js";
import type { Drawing } from "./drawings.js";
import { piecesOfSeries } from "./states.js";
import type { Piece } from "./states.js";

const LEAST_MS = 10_000; // between two questions for a stretch that moves
const MOST_MS = 300_000; // readings that came live are kept for longer
const UNDER_WAY_MS = 3_000; // what was measured so lately may not be stored yet: it is drawn as it comes
const MOST_POINTS = 1_000;
const DIGITS = 3; // of what lies between a series' least and greatest: as many as can be seen
const AHEAD = 12; // metrics beyond those in view, once one scrolls: many together take fewer bytes than few at a time
const MOST_METRICS = 100; // in a question
const RESIZED = 0.2; // of the room for points

export interface Question {
  /** those that are looked at */
  metrics: readonly string[];
  /** those that come next when one scrolls */
  next: readonly string[];
  /** Unix ms */
  from: number;
  to: number;
  /** points that there is room for */
  points: number;
  /** whether it ends now, and so moves */
  moves: boolean;
}

/** What is here of a metric. */
interface Had {
  drawing: Drawing;
  /** of booleans and texts */
  pieces: Piece[];
  /** Unix ms: what came since isn't in it. */
  until: number;
  /** the number of the stretch that it was asked for */
  stretch: number;
}

/** What was asked for last, of one device: only what somebody looks at. */
export class Overviews {
  /** Raised when there is something new to draw. */
  readonly version = signal(0);
  readonly loading = signal(false);
  /** Why it could not be had. */
  readonly error = signal("");
  /** Unix ms: what is older is not stored any more. */
  readonly completeSince = signal(-Infinity);

  #had = new Map<string, Had>();
  /** When each metric was asked for, `performance.now()`, for the present stretch. */
  #asked = new Map<string, number>();
  #question: Question | null = null;
  /** Stretches are numbered. */
  #stretch = 0;
  #abort = new AbortController();
  #underWay = 0;

  constructor(private readonly device: string) {}

  /** What to draw, and up to when (Unix ms) it was asked for. */
  of(metric: string): Pick<Had, "drawing" | "pieces" | "until"> {
    return this.#had.get(metric) ?? { drawing: nothing(), pieces: [], until: -Infinity };
  }

  /** Whether it is here for the stretch that was asked for last: where nothing is drawn, the device was silent. */
  has(metric: string): boolean {
    this.version.value;
    return this.#had.get(metric)?.stretch === this.#stretch;
  }

  /** Unix ms: since then readings must be here one by one, to be drawn behind what was asked for. */
  get until(): number {
    return Math.min(serverNow(), ...[...this.#had.values()].filter(({ stretch }) => stretch === this.#stretch).map(({ until }) => until));
  }

  /** Ask for what isn't here, or has become old. */
  want(question: Question): void {
    if (!this.#goesOn(question)) this.#begin();
    this.#question = question;
    const pace_ms = question.moves ? Math.min(MOST_MS, Math.max(LEAST_MS, (question.to - question.from) / question.points)) : Infinity;
    const isOld = (name: string) => performance.now() - (this.#asked.get(name) ?? -Infinity) >= pace_ms;
    const old = question.metrics.filter(isOld);
    const isScrolled = this.#asked.size > 0 && old.some((name) => !this.#asked.has(name));
    const ahead = isScrolled ? question.next.filter((name) => !this.#asked.has(name)).slice(0, AHEAD) : [];
    this.#ask([...old, ...ahead]);
  }

  /** Go on, after what was wanted could not be had. */
  retry(): void {
    this.#asked.clear();
    if (this.#question) this.want(this.#question);
  }

  stop(): void {
    this.#begin();
    this.#question = null;
  }

  #begin() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#asked.clear();
    this.#stretch += 1;
    this.#underWay = 0;
    this.loading.value = false;
    this.error.value = "";
    this.version.value += 1;
  }

  /** Whether it is the stretch that was asked for last, at most moved on. */
  #goesOn({ from, to, points, moves }: Question): boolean {
    const asked = this.#question;
    if (!asked || asked.moves !== moves || Math.abs(points - asked.points) > RESIZED * asked.points) return false;
    const step = (to - from) / points;
    return moves ? Math.abs(to - from - (asked.to - asked.from)) <= step : asked.from === from && asked.to === to;
  }

  #ask(metrics: string[]) {
    for (let first = 0; first < metrics.length; first += MOST_METRICS) void this.#load(metrics.slice(first, first + MOST_METRICS));
  }

  async #load(metrics: string[]): Promise<void> {
    const [question, abort, stretch] = [this.#question, this.#abort, this.#stretch];
    if (!question) return;
    for (const name of metrics) this.#asked.set(name, performance.now());
    this.#underWay += 1;
    this.loading.value = true;
    this.error.value = "";
    const { from, to, points } = question;
    const until = Math.round(Math.min(to, serverNow() - UNDER_WAY_MS));
    try {
      const query = { since: Math.round(from), until, points: Math.min(MOST_POINTS, Math.max(2, points)) };
      const { series } = await getSeries([this.device], metrics, { ...query, fields: "min,max,mean,shares", digits: DIGITS }, abort.signal);
      if (abort.signal.aborted) return;
      const found = new Map(series.map((one) => [one.metric, one]));
      for (const name of metrics) {
        const one = found.get(name);
        this.#had.set(name, { drawing: one ? drawing(one) : nothing(), pieces: one ? piecesOfSeries(one, until) : [], until, stretch });
      }
      this.completeSince.value = Math.max(-Infinity, ...series.map((one) => one.complete_since));
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error.value = messageOf(error);
    }
    this.#underWay -= 1;
    this.loading.value = this.#underWay > 0;
    this.version.value += 1;
  }
}
